// The course's pictures ask the page for its theme as JupyterLab tells it.
"use strict"
{
  const dark = matchMedia("(prefers-color-scheme: dark)")
  const tell = () => {
    const { theme } = document.body.dataset
    document.body.dataset.jpThemeLight = theme === "light" || theme !== "dark" && !dark.matches
  }
  new MutationObserver(tell).observe(document.body, { attributeFilter: ["data-theme"] })
  dark.addEventListener("change", tell)
  tell()
}
