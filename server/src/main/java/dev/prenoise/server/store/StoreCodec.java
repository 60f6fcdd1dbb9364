package dev.prenoise.server.store;

import dev.prenoise.noise.NoiseRecipe;

/** How nested records become bytes in a column. Bytes once written stay readable by every later version. */
public interface StoreCodec {
    byte[] encode(NoiseRecipe recipe);

    NoiseRecipe recipe(byte[] bytes);

    byte[] encode(Acceptance acceptance);

    Acceptance acceptance(byte[] bytes);
}
