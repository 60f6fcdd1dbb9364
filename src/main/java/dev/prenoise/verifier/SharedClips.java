package dev.prenoise.verifier;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.DType;
import dev.prenoise.tensor.SafetensorsIndex;
import dev.prenoise.tensor.Weights;
import java.io.IOException;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The CLIPs that are open, each once: several verifiers judge by the same file, which is then on the device once. One that no verifier holds
 * any more is forgotten. Any number of threads; the CLIPs themselves one at a time.
 */
final class SharedClips {
    private final Map<Key, WeakReference<Network>> open = new HashMap<>();

    /**
     * @param pictures as {@code [B, P]} of length 1, float32. Differentiable
     */
    record Network(ClipModel model, PictureNetwork pictures) {}

    /**
     * @param files paths, sizes and times of change: a file that was replaced is another CLIP
     */
    private record Key(PublishedClip published, List<String> files, Compute compute, DType type) {}

    /**
     * Reads headers where it is not open yet, no weights.
     *
     * @param weights as {@link ClipFiles#read}
     */
    synchronized Network get(PublishedClip published, Path weights, Compute compute, DType type) {
        open.values().removeIf(each -> each.get() == null);
        Key key = new Key(published, files(weights), compute, type);
        WeakReference<Network> kept = open.get(key);
        Network known = kept == null ? null : kept.get();
        if (known != null) {
            return known;
        }
        ClipFiles files = ClipFiles.read(weights, published);
        ClipModel model = new ClipModel(files.config(), Weights.of(files.source(), compute, type));
        Network fresh = new Network(model, Clip.pictures(model, files.preprocessing()));
        open.put(key, new WeakReference<>(fresh));
        return fresh;
    }

    private static List<String> files(Path weights) {
        Path file = weights.toAbsolutePath().normalize();
        List<Path> paths = new ArrayList<>(List.of(file));
        if (file.toString().endsWith(".json")) {
            paths.addAll(SafetensorsIndex.files(file));
        }
        Path folder = file.getParent();
        if (folder != null) {
            paths.addAll(VerifierFiles.settings(folder));
        }
        List<String> stamps = new ArrayList<>();
        for (Path path : paths) {
            try {
                BasicFileAttributes now = Files.readAttributes(path, BasicFileAttributes.class);
                stamps.add(path + " " + now.size() + " " + now.lastModifiedTime());
            } catch (IOException e) {
                throw new VerifierException(path + ": cannot be read: " + e.getMessage(), e);
            }
        }
        return List.copyOf(stamps);
    }
}
