// JupyterLab 4 draws an image output without its description, although the notebook stores one
// in the output's metadata: {"image/png": {"alt": "..."}}. This extension passes it on to <img alt>.
// A webpack container written by hand: JupyterLab calls init and get, so nothing has to be built.
(() => {
  const SLOT = '.dmlcourse-picture';
  let scope;

  const shared = async name => (await Object.values(scope[name])[0].get())();

  function picture(model, type) {
    const image = document.createElement('img');
    image.src = `data:${type};base64,${model.data[type]}`;
    return image;
  }

  function describe(node, model, type) {
    const alt = model.metadata[type]?.alt;
    const image = node.querySelector('img');
    if (image && typeof alt === 'string') {
      image.alt = alt;
    }
  }

  // The answer of a prediction is text with a picture beside it, to be unfolded together.
  function fillSlot(node, model) {
    const slot = node.querySelector(SLOT);
    if (slot && model.data['image/png']) {
      slot.before(picture(model, 'image/png'));
      describe(node, model, 'image/png');
    }
  }

  function extend(rendermime, type, finish) {
    const original = rendermime.getFactory(type);
    rendermime.addFactory(
      {
        ...original,
        mimeTypes: [type],
        createRenderer: options => {
          const renderer = original.createRenderer(options);
          const render = renderer.renderModel.bind(renderer);
          renderer.renderModel = async model => {
            await render(model);
            finish(renderer.node, model, type);
          };
          return renderer;
        }
      },
      original.defaultRank
    );
  }

  async function plugin() {
    const { IRenderMimeRegistry } = await shared('@jupyterlab/rendermime');
    return {
      id: 'dmlcourse-alt:plugin',
      autoStart: true,
      requires: [IRenderMimeRegistry],
      activate: (app, rendermime) => {
        extend(rendermime, 'image/png', describe);
        extend(rendermime, 'image/jpeg', describe);
        extend(rendermime, 'text/html', fillSlot);
      }
    };
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB['dmlcourse-alt'] = {
    init: shareScope => {
      scope = shareScope;
    },
    get: async () => {
      const ready = await plugin();
      return () => ready;
    }
  };
})();
