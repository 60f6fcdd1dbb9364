// Messages of Better Noise where a user looks, and the recipe kept as text in its node, and with it in the workflow.
import { app } from "../../scripts/app.js";
import { api } from "../../scripts/api.js";
import { ComfyWidgets } from "../../scripts/widgets.js";

const MESSAGE_MS = 12000;

app.registerExtension({
  name: "prenoise.betterNoise",

  setup() {
    api.addEventListener("prenoise.message", ({ detail: message }) => {
      const toast = app.extensionManager?.toast;
      if (toast) {
        toast.add({ severity: message.severity, summary: message.summary, detail: message.detail, life: MESSAGE_MS });
      } else {
        console.warn(`${message.summary}: ${message.detail}`);
      }
    });
  },

  beforeRegisterNodeDef(nodeType, nodeData) {
    if (nodeData.name !== "PrenoiseRecipe") {
      return;
    }
    const created = nodeType.prototype.onNodeCreated;
    nodeType.prototype.onNodeCreated = function (...args) {
      created?.apply(this, args);
      // Made with the node, so that a loaded workflow finds a place for the text that it kept.
      const { widget } = ComfyWidgets.STRING(this, "found", ["STRING", { multiline: true }], app);
      widget.options.serialize = false; // kept in the workflow, but no input of the run
      if (widget.inputEl) {
        widget.inputEl.readOnly = true;
      }
    };
    const executed = nodeType.prototype.onExecuted;
    nodeType.prototype.onExecuted = function (output, ...args) {
      executed?.call(this, output, ...args);
      const widget = this.widgets?.find(({ name }) => name === "found");
      if (widget && output?.text) {
        widget.value = output.text.join("\n");
      }
    };
  },
});
