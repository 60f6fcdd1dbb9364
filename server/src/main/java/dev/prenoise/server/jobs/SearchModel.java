package dev.prenoise.server.jobs;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.engine.PictureOptions;
import dev.prenoise.engine.PromptSession;
import dev.prenoise.engine.WeightsPin;
import dev.prenoise.server.store.Acceptance;
import java.util.List;
import java.util.function.BooleanSupplier;

/** Whose model a search's noise is scored on: one of the catalog's, or the caller's own. All else of a search is the same. */
public sealed interface SearchModel permits CatalogModel, HostModel {
    /** What the caller is told that it is. */
    String name();

    /** The same as it was accepted before. */
    SearchModel as(Acceptance accepted);

    /** Its weights, and all that changes its scores. Called on the lane's thread. */
    List<WeightsPin> pins(ModelCatalog catalog);

    /** Why a search cannot go on on this model, a pin being another than when it began. */
    WeightsChangedException changed(String searchId, WeightsPin before);

    /**
     * Called on the lane's thread.
     *
     * @param stopped whether the search is to stop, for a session that waits
     * @throws dev.prenoise.engine.InvalidFieldException when a field of the request cannot be used
     */
    PromptSession open(SearchSpec spec, ModelCatalog catalog, BooleanSupplier stopped);

    /**
     * The turns that the session's work takes.
     *
     * @param lane the device's
     */
    PictureOptions.Turns turns(PictureOptions.Turns lane);

    /** Whether other sidecars can have it too. */
    boolean spreads();

    /**
     * For a second caller who asks for a search that runs.
     *
     * @throws SearchExistsException when only one can have it
     */
    void requireShared(String searchId);
}
