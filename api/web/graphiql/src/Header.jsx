import { useState } from "react";

import { LANGUAGES } from "./texts.js";

const TROUBLE = new Set(["wrong", "narrow", "noSchema", "busy", "unreachable"]);

export function Header({ texts, language, onLanguage, savedKey, onKey, state }) {
  const [typed, setTyped] = useState(savedKey);

  const use = (event) => {
    event.preventDefault();
    onKey(typed.trim());
  };
  const forget = () => {
    setTyped("");
    onKey("");
  };

  return (
    <header>
      <div className="bar">
        <a className="brand" href="/graphql">
          <img src={`${import.meta.env.BASE_URL}favicon.svg`} alt="" width="28" height="28" />
          Echelon
        </a>
        <form onSubmit={use}>
          <label htmlFor="key">{texts.keyLabel}</label>
          <input
            id="key"
            type="password"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
            placeholder={texts.keyHint}
            autoComplete="off"
            spellCheck={false}
            aria-describedby="key-state"
          />
          <button type="submit">{texts.use}</button>
          {savedKey && (
            <button type="button" className="quiet" onClick={forget}>
              {texts.forget}
            </button>
          )}
        </form>
        <div className="languages" role="group" aria-label={texts.languageLabel}>
          {Object.entries(LANGUAGES).map(([code, name]) => (
            <button
              key={code}
              type="button"
              lang={code}
              aria-pressed={code === language}
              onClick={() => onLanguage(code)}
            >
              {name}
            </button>
          ))}
        </div>
      </div>
      <p id="key-state" role="status" className={TROUBLE.has(state) ? "trouble" : state}>
        {texts[state]}
      </p>
    </header>
  );
}
