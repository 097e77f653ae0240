// Every word of the page's own, in both languages.
export const LANGUAGES = { en: "English", "zh-Hans": "中文" };

export const TEXTS = {
  en: {
    title: "Echelon · ask your customers' data",
    keyLabel: "API key",
    keyHint: "ech_live_…",
    use: "Use this key",
    forget: "Forget",
    languageLabel: "Language",
    missing:
      "Paste an API key to begin. make demo prints one; echelon keys create makes another.",
    checking: "Trying the key …",
    ready: "The key works. It stays in this tab and is forgotten when you close it.",
    wrong:
      "The server does not accept this key: it is mistyped, expired or revoked. " +
      "Make another with echelon keys create.",
    narrow:
      "The key is good but may not do what was asked; the answer says what it lacks. " +
      "Use a key with that scope.",
    noSchema:
      "The key is good but may not read the schema: queries run, without documentation and " +
      "completion. The scope for that is schema:read.",
    busy: "Too many requests with this key just now. Wait a moment and try again.",
    unreachable: "The server does not answer. Is echelon serve running?",
  },
  "zh-Hans": {
    title: "Echelon · 查询客户数据",
    keyLabel: "API 密钥",
    keyHint: "ech_live_…",
    use: "使用此密钥",
    forget: "清除",
    languageLabel: "语言",
    missing: "请先粘贴 API 密钥。make demo 会显示一个；也可用 echelon keys create 新建。",
    checking: "正在验证密钥……",
    ready: "密钥有效。它只保存在当前标签页，关闭后即清除。",
    wrong: "服务器不接受此密钥：可能输入有误、已过期或已撤销。请用 echelon keys create 新建一个。",
    narrow: "密钥有效，但无权执行此操作；返回结果中写明了所缺的权限。请换用具有该权限的密钥。",
    noSchema:
      "密钥有效，但无权读取架构：可以执行查询，但没有文档和自动补全。所需权限为 schema:read。",
    busy: "此密钥的请求过于频繁，请稍候再试。",
    unreachable: "服务器没有响应。echelon serve 是否在运行？",
  },
};
