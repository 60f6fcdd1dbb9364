package dev.prenoise.engine;

import dev.prenoise.image.Picture;
import dev.prenoise.noise.SeededNoise;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Pictures just drawn, by what they were drawn from: those used last, as many as fit. Not thread-safe. */
final class PictureCache {
    private final long capacity;
    private final boolean seeded;
    private final Map<Key, Picture> pictures = new LinkedHashMap<>(16, 0.75f, true);
    private long bytes;

    private record Key(String noise, long seed) {}

    /**
     * @param capacity bytes of pixels
     * @param seeded whether the seed makes a difference
     */
    PictureCache(long capacity, boolean seeded) {
        this.capacity = capacity;
        this.seeded = seeded;
    }

    @Nullable
    Picture get(SeededNoise noise) {
        return pictures.get(key(noise));
    }

    void put(SeededNoise noise, Picture picture) {
        Picture before = pictures.put(key(noise), picture);
        bytes += picture.rgb().length - (before == null ? 0 : before.rgb().length);
        var eldest = pictures.values().iterator();
        while (bytes > capacity) {
            bytes -= eldest.next().rgb().length;
            eldest.remove();
        }
    }

    private Key key(SeededNoise noise) {
        return new Key(noise.noise().sha256(), seeded ? noise.seed() : 0);
    }
}
