"""Colours by what they mean, for a page in any theme."""

# Told apart with any kind of colour vision, as those of Okabe and Ito (Color Universal Design,
# 2008), but with the contrast that WCAG 2.2 asks of text (AA, 4.5 to 1) in each theme.
LIGHT = {
    "client": "#0069a6",  # blue
    "server": "#b84b00",  # vermilion
    "kernel": "#00775a",  # bluish green
    "other": "#555555",
    "faint": "#8c8c8c",  # of lines: 3 to 1
    "ink": "#1a1a1a",
    "on": "#ffffff",  # text on a filled shape
    "ground": "#ffffff",
}
DARK = {
    "client": "#56b4e9",
    "server": "#ff9d5c",
    "kernel": "#3dd1a2",
    "other": "#bdbdbd",
    "faint": "#6a6a6a",
    "ink": "#f0f0f0",
    "on": "#111111",
    "ground": "#111111",
}
# The theme's own, where there is one: JupyterLab, pages made by nbconvert, VS Code.
THEME = {
    "ink": "var(--jp-content-font-color1, var(--vscode-editor-foreground, {}))",
    "ground": "var(--jp-layout-color0, var(--vscode-editor-background, {}))",
}
IN_LIGHT = ("[data-jp-theme-light=true]", ".vscode-light")
IN_DARK = ("[data-jp-theme-light=false]", ".vscode-dark", ".vscode-high-contrast")


def variables(colours: dict[str, str]) -> str:
    """Return CSS that names the colours: ``--client:#0069a6;…``."""
    return "".join(f"--{name}:{colour};" for name, colour in colours.items())


def themes() -> str:
    """Return CSS for pictures within a page: no card behind them, and the theme's colours."""
    rules = []
    for colours, places in ((LIGHT, IN_LIGHT), (DARK, IN_DARK)):
        own = {name: form.format(colours[name]) for name, form in THEME.items()}
        if colours is DARK:
            own = DARK | own
        where = ",".join(f"{place} svg.sk" for place in places)
        rules.append(f"{where}{{--card:none;{variables(own)}}}")
    return "".join(rules)
