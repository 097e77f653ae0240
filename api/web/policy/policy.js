// Asks for the policy in force and shows it. The key stays in this page: it is stored nowhere.

const QUERY = `query ($language: Language!, $key: String, $version: Int) {
  policyDocument(language: $language, key: $key, version: $version) { title html }
}`;
const TEXTS = {
  EN: {
    key: "API key",
    language: "Language",
    show: "Show the policy",
    print: "Print",
    waiting: "Loading …",
    refused: "This key opens nothing.",
    failed: "The server can't be reached, or did not answer as expected.",
  },
  ZH_HANS: {
    key: "API 密钥",
    language: "语言",
    show: "显示政策",
    print: "打印",
    waiting: "正在加载……",
    refused: "该密钥无效。",
    failed: "无法连接服务器，或服务器未按预期应答。",
  },
};

const form = document.getElementById("ask");
const key = document.getElementById("key");
const language = document.getElementById("language");
const state = document.getElementById("state");
const page = document.getElementById("page");
const print = document.getElementById("print");
let latest = 0;

function say(text, fault = false) {
  state.textContent = text;
  state.classList.toggle("fault", fault);
}

function translate() {
  document.documentElement.lang = language.value === "EN" ? "en" : "zh-Hans";
  for (const each of document.querySelectorAll("[data-text]")) {
    each.textContent = TEXTS[language.value][each.dataset.text];
  }
}

async function ask() {
  const wanted = new URLSearchParams(location.search);
  const version = Number.parseInt(wanted.get("version") ?? "", 10);
  const answer = await fetch("/graphql", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Accept: "application/json",
      Authorization: `Bearer ${key.value.trim()}`,
    },
    body: JSON.stringify({
      query: QUERY,
      variables: {
        language: language.value,
        key: wanted.get("policy"),
        version: Number.isNaN(version) ? null : version,
      },
    }),
  });
  if (answer.status === 401) throw new Error(TEXTS[language.value].refused);
  const { data, errors } = await answer.json();
  if (errors) throw new Error(errors.map((each) => each.message).join(" "));
  return data.policyDocument;
}

async function show() {
  const mine = ++latest;
  const texts = TEXTS[language.value];
  say(texts.waiting);
  try {
    const { title, html } = await ask();
    if (mine !== latest) return;
    // The server has escaped every text in it, and this page's policy lets no other script run.
    const parsed = new DOMParser().parseFromString(html, "text/html");
    page.replaceChildren(document.adoptNode(parsed.querySelector("article")));
    document.title = title;
    print.hidden = false;
    say("");
  } catch (error) {
    if (mine !== latest) return;
    page.replaceChildren();
    print.hidden = true;
    const unexpected = error instanceof TypeError || error instanceof SyntaxError;
    say(unexpected ? texts.failed : error.message, true);
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  show();
});
language.addEventListener("change", () => {
  translate();
  if (key.value) show();
});
print.addEventListener("click", () => window.print());
if (navigator.language.toLowerCase().startsWith("zh")) language.value = "ZH_HANS";
translate();
key.focus();
