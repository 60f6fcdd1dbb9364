package dev.prenoise.server.jobs;

import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.LoraSpec;
import dev.prenoise.engine.Model;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.PictureOptions;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.engine.SamplingSpec;
import dev.prenoise.engine.WeightsPin;
import dev.prenoise.noise.Noise;
import dev.prenoise.server.store.Acceptance;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * A backbone of the catalog. Everything on it takes turns of the lane.
 *
 * @param backbone id, never empty
 * @param loras by their names in the catalog
 * @param width pixels; 0 = native, or what follows from the search's noise
 * @param height pixels; 0 = native, or what follows from the search's noise
 */
public record CatalogModel(String backbone, SamplingSpec sampling, List<LoraSpec> loras, int width, int height)
        implements SearchModel {
    public CatalogModel {
        loras = List.copyOf(loras);
    }

    @Override
    public String name() {
        return backbone;
    }

    @Override
    public CatalogModel as(Acceptance accepted) {
        return new CatalogModel(accepted.backbone(), sampling, loras, width, height);
    }

    @Override
    public List<WeightsPin> pins(ModelCatalog catalog) {
        return catalog.pins(backbone, loras.stream().map(LoraSpec::name).toList());
    }

    @Override
    public WeightsChangedException changed(String searchId, WeightsPin before) {
        return WeightsChangedException.weights(searchId, before.name());
    }

    @Override
    public PromptSession open(SearchSpec spec, ModelCatalog catalog, BooleanSupplier stopped) {
        Model model = catalog.open(backbone);
        PromptSession opened = prepare(model, spec.prompt(), width, height);
        Noise noise = spec.noise();
        return noise == null || Arrays.equals(noise.shape(), opened.noiseShape())
                ? opened
                : fitted(model, spec.prompt(), noise, opened);
    }

    private PromptSession prepare(Model model, PromptSpec prompt, int wide, int high) {
        return model.prepare(prompt, sampling, loras, wide, high);
    }

    /** The size follows from the noise: the native size says how many pixels a latent pixel is wide. */
    private PromptSession fitted(Model model, PromptSpec prompt, Noise noise, PromptSession opened) {
        long[] shape = opened.noiseShape();
        opened.close();
        int scale = (int) (model.info().nativeSize() / shape[3]);
        if (width == 0 && height == 0 && scale > 0) {
            long wide = noise.shape()[3] * scale;
            long high = noise.shape()[2] * scale;
            if (noise.shape()[1] == shape[1] && wide <= model.maxSize() && high <= model.maxSize()) {
                PromptSession fitted = prepare(model, prompt, (int) wide, (int) high);
                shape = fitted.noiseShape();
                if (Arrays.equals(noise.shape(), shape)) {
                    return fitted;
                }
                fitted.close();
            }
        }
        throw new InvalidFieldException(
                "noise.shape", Arrays.toString(noise.shape()) + " (expected: " + Arrays.toString(shape) + ")");
    }

    @Override
    public PictureOptions.Turns turns(PictureOptions.Turns lane) {
        return lane;
    }

    @Override
    public boolean spreads() {
        return true;
    }

    @Override
    public void requireShared(String searchId) {}
}
