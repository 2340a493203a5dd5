"use strict";
(() => {
  const root = document.documentElement, button = document.getElementById("theme");
  const themes = ["auto", "light", "dark"], key = "onewinner-theme";
  const remember = (theme) => { try { localStorage.setItem(key, theme); } catch { /* a file may have no storage */ } };
  const recall = () => { try { return localStorage.getItem(key); } catch { return null; } };
  const apply = (theme) => {
    root.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
  };
  apply(themes.includes(recall()) ? recall() : "auto");
  button.hidden = false;
  button.addEventListener("click", () => {
    const next = themes[(themes.indexOf(root.dataset.theme) + 1) % themes.length];
    apply(next);
    remember(next);
  });
})();
