package dev.prenoise.server.jobs;

import dev.prenoise.engine.Host;
import dev.prenoise.engine.HostProfile;
import dev.prenoise.engine.HostSession;
import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.PictureOptions;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.WeightsPin;
import dev.prenoise.server.store.Acceptance;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Function;

/**
 * The caller's own model. What it is asked is waited for on the search's thread, and the lane is left to others meanwhile.
 *
 * @param name any text that changes when the host's model does
 * @param host given what says whether the search is to stop
 */
public record HostModel(String name, HostProfile profile, Function<BooleanSupplier, Host> host) implements SearchModel {
    /** No verifier's name: those have no spaces. */
    private static final String PIN = "the host's model";

    @Override
    public HostModel as(Acceptance accepted) {
        return this;
    }

    @Override
    public List<WeightsPin> pins(ModelCatalog catalog) {
        return List.of(new WeightsPin(PIN, 0, name, null, null));
    }

    @Override
    public WeightsChangedException changed(String searchId, WeightsPin before) {
        return before.name().equals(PIN)
                ? WeightsChangedException.host(searchId, name, before.stamp())
                : WeightsChangedException.weights(searchId, before.name());
    }

    @Override
    public PromptSession open(SearchSpec spec, ModelCatalog catalog, BooleanSupplier stopped) {
        return new HostSession(
                host.apply(stopped),
                profile,
                spec.prompt().subjects(),
                catalog.verifiers().compute());
    }

    @Override
    public PictureOptions.Turns turns(PictureOptions.Turns lane) {
        return PictureOptions.Turns.ALONE;
    }

    @Override
    public boolean spreads() {
        return false;
    }

    @Override
    public void requireShared(String searchId) {
        throw SearchExistsException.onHost(searchId);
    }
}
