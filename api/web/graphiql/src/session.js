// The key lives in this tab's session storage and nowhere else; closing the tab forgets it.
const KEY = "echelon.key";
const LANGUAGE = "echelon.language";

export const readKey = () => sessionStorage.getItem(KEY) ?? "";

export function writeKey(key) {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

export function readLanguage() {
  const chosen = localStorage.getItem(LANGUAGE);
  return chosen ?? (navigator.language.startsWith("zh") ? "zh-Hans" : "en");
}

export const writeLanguage = (language) => localStorage.setItem(LANGUAGE, language);
