import { GraphiQL } from "graphiql";
import { useEffect, useMemo, useRef, useState } from "react";

import { EXAMPLES } from "./examples.js";
import { makeFetcher } from "./fetcher.js";
import { Header } from "./Header.jsx";
import { readKey, readLanguage, writeKey, writeLanguage } from "./session.js";
import { TEXTS } from "./texts.js";

export function Page() {
  const [key, setKey] = useState(readKey);
  const [language, setLanguage] = useState(readLanguage);
  const [state, setState] = useState(key ? "checking" : "missing");
  // The fetcher reads the language when it is called: a new fetcher would load the schema again.
  const spoken = useRef(language);
  spoken.current = language;

  const fetcher = useMemo(
    () =>
      makeFetcher({
        key,
        language: () => spoken.current,
        words: () => TEXTS[spoken.current],
        report: setState,
      }),
    [key],
  );

  useEffect(() => {
    document.documentElement.lang = language;
    document.title = TEXTS[language].title;
  }, [language]);

  const changeKey = (next) => {
    writeKey(next);
    setKey(next);
    setState(next ? "checking" : "missing");
  };
  const changeLanguage = (next) => {
    writeLanguage(next);
    setLanguage(next);
  };

  return (
    <>
      <Header
        texts={TEXTS[language]}
        language={language}
        onLanguage={changeLanguage}
        savedKey={key}
        onKey={changeKey}
        state={state}
      />
      <main>
        <GraphiQL
          fetcher={fetcher}
          // Without a key there is nothing to ask; null keeps GraphiQL from trying.
          schema={key ? undefined : null}
          defaultTabs={EXAMPLES[language]}
          isHeadersEditorEnabled={false}
          shouldPersistHeaders={false}
        >
          <GraphiQL.Logo>
            <></>
          </GraphiQL.Logo>
        </GraphiQL>
      </main>
    </>
  );
}
