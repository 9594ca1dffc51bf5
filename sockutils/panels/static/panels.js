// Answers the panels of a notebook (sockutils/practice/panel.js): runs their function in its kernel,
// and runs their cell when that is what it takes.
// JupyterLab loads this file as it is: a container with one plugin, and nothing to build.

{  // its names are its own
  // What the function shows at a place, as HTML; for null as the place "", if the kernel has it.
  async function answer(panel, { key, place }) {
    await panel.sessionContext.ready
    const kernel = panel.sessionContext.session?.kernel
    if (!kernel) return null
    const call = `answer(${JSON.stringify(key)}, ${place ? JSON.stringify(place) : "None"})`
    const shown = `__import__("sockutils.practice.panel", fromlist=["answer"]).${call}`
    const asked = { code: "", silent: true, store_history: false, user_expressions: { shown } }
    const { content } = await kernel.requestExecute(asked).done
    return content.user_expressions?.shown.data?.["text/html"] ?? null
  }

  async function run(commands, notebook, cell) {
    const outputs = () => cell.model.outputs.toJSON()
    const alone = command => {
      notebook.activeCellIndex = notebook.widgets.indexOf(cell)
      return commands.execute(`notebook:${command}`)
    }
    await alone("run-cell")
    if (!outputs().some(output => output.ename === "NameError")) return
    await alone("run-all-above")
    await alone("run-cell")
  }

  function activate({ commands, shell }) {
    document.addEventListener("sockutils-panel", ({ target, detail }) => {
      const panel = [...shell.widgets("main")].find(each => each.node.contains(target))
      const cell = panel?.content.widgets?.find(each => each.node.contains(target))
      if (!cell) return
      detail.answer = answer(panel, detail).catch(() => null)  // the kernel has ended meanwhile
      const status = panel.sessionContext.session?.kernel?.status ?? "dead"
      detail.alive = !["dead", "terminating", "unknown"].includes(status)
      detail.run = () => run(commands, panel.content, cell)
    })
  }

  const plugin = { id: "sockutils-panels:plugin", autoStart: true, activate }
  window._JUPYTERLAB ??= {}
  window._JUPYTERLAB["sockutils-panels"] = { init() {}, get: async () => () => plugin }
}
