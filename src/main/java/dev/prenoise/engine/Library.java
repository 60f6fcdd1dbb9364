package dev.prenoise.engine;

import dev.prenoise.engine.FolderScan.Found;
import dev.prenoise.engine.FolderScan.Kind;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Files of weights below some folders, each looked at once. What is no such file, cut short or of a kind not supported is listed with the
 * reason; the others are there all the same.
 *
 * <p>Thread-safe.
 *
 * @param <T> what is known of a usable one
 */
final class Library<T> {
    private static final String PICKLE =
            "a pickle, which can run whatever its maker put in when it is read (expected: a .safetensors file; most models are published as "
                    + "one, and hosts convert them)";

    private static final int FOLDER_DEPTH = 3;

    /** Reads headers only, and throws a RuntimeException that says what is wrong with the file. */
    interface Reader<T> {
        T read(Path path);
    }

    /**
     * @param path the file or folder as it was found
     * @param files those of which it consists, in order; that hold weights or say what they mean
     * @param stamps of the files
     * @param content null where there is a problem
     * @param problem null where there is none
     */
    record Item<T>(
            String id,
            Path path,
            List<Path> files,
            List<FileStamp> stamps,
            @Nullable T content,
            @Nullable String problem) {
        /** Of the weights. */
        long bytes() {
            long bytes = 0;
            for (int i = 0; i < files.size(); i++) {
                bytes += isWeights(files.get(i)) ? stamps.get(i).bytes() : 0;
            }
            return bytes;
        }

        boolean sameFiles(Item<?> other) {
            return path.equals(other.path) && files.equals(other.files) && stamps.equals(other.stamps);
        }

        /** Of the weights. Without inodes: a file that was copied back is the same. */
        String stamp() {
            StringBuilder text = new StringBuilder();
            for (int i = 0; i < files.size(); i++) {
                if (!isWeights(files.get(i))) {
                    continue;
                }
                FileStamp stamp = stamps.get(i);
                text.append(path.relativize(files.get(i)))
                        .append(' ')
                        .append(stamp.bytes())
                        .append(' ')
                        .append(stamp.modified())
                        .append('\n');
            }
            return sha256(text.toString());
        }

        /** A digest of the small files: what the weights mean. As they are now, which may be later than the stamps. */
        String settings() {
            MessageDigest digest = Sha256Cache.digest();
            for (Path file : files) {
                if (!isWeights(file)) {
                    digest.update(
                            path.relativize(file).toString().replace('\\', '/').getBytes(StandardCharsets.UTF_8));
                    digest.update((byte) 0);
                    digest.update(Sha256Cache.digest().digest(content(file)));
                }
            }
            return HexFormat.of().formatHex(digest.digest());
        }

        private static byte[] content(Path file) {
            try {
                return Files.readAllBytes(file);
            } catch (IOException e) {
                throw new ModelException(file + ": cannot be read: " + e, e);
            }
        }
    }

    private final FolderScan scan;
    private final Reader<T> reader;
    private final Sha256Cache hashes;
    private final boolean hash;
    private Map<String, Item<T>> items = new LinkedHashMap<>();
    private boolean scanned;

    /**
     * @param roots absolute
     * @param folders whether folders in diffusers' layout count as one
     * @param taken ids that nothing here may have
     * @param hash whether files that have no known hash get one in the background
     */
    Library(List<Path> roots, boolean folders, Set<String> taken, Reader<T> reader, Sha256Cache hashes, boolean hash) {
        this.scan = new FolderScan(roots, folders, taken);
        this.reader = reader;
        this.hashes = hashes;
        this.hash = hash;
    }

    /** As the folders are now. Only what came or changed since the last time is looked at. */
    synchronized List<Item<T>> list() {
        List<Found> found = !scanned || scan.outdated() ? scan.scan() : known();
        scanned = true;
        Map<String, Item<T>> now = new LinkedHashMap<>();
        found.stream()
                .sorted(Comparator.comparing(Found::id, String.CASE_INSENSITIVE_ORDER)
                        .thenComparing(Found::id))
                .forEach(each -> {
                    Item<T> item = item(each, items.get(each.id()));
                    if (item != null) {
                        now.put(item.id(), item);
                    }
                });
        items = now;
        return List.copyOf(now.values());
    }

    /** By its very id, as the file is now; null where there is none. */
    synchronized @Nullable Item<T> get(String id) {
        Item<T> before = items.get(id);
        if (before == null) {
            return list().stream()
                    .filter(item -> item.id().equals(id))
                    .findFirst()
                    .orElse(null);
        }
        Item<T> now = item(new Found(id, before.path(), kind(before.path())), before);
        if (now == null) {
            items.remove(id);
        } else {
            items.put(id, now);
        }
        return now;
    }

    /** Those that a name may mean: the one of that id, or all that answer to it otherwise, as the folders are now. */
    List<Item<T>> find(String name) {
        Item<T> exact = get(name);
        if (exact != null) {
            return List.of(exact);
        }
        List<Item<T>> named =
                list().stream().filter(item -> answersTo(item, name)).toList();
        // copies of one file, whose hash was asked for
        boolean copies =
                named.stream().map(this::sha256).distinct().count() == 1 && name.matches("[0-9a-f]{10}|[0-9a-f]{64}");
        return copies ? named.subList(0, 1) : named;
    }

    private boolean answersTo(Item<T> item, String name) {
        String file = item.path().getFileName().toString();
        if (name.equals(file) || name.equals(stem(file)) || name.equals(stem(item.id()))) {
            return true;
        }
        String sha256 = name.length() == 10 || name.length() == 64 ? sha256(item) : null;
        return sha256 != null && (sha256.equals(name) || sha256.substring(0, 10).equals(name));
    }

    private static String stem(String name) {
        String lower = name.toLowerCase(Locale.ROOT);
        return lower.endsWith(".safetensors") ? name.substring(0, name.length() - ".safetensors".length()) : name;
    }

    /** Null until all its files were hashed. Of a single file its own; of a folder that of the list that sha256sum prints of its weights. */
    @Nullable
    String sha256(Item<T> item) {
        StringBuilder sums = new StringBuilder();
        String last = null;
        for (int i = 0; i < item.files().size(); i++) {
            Path file = item.files().get(i);
            if (!isWeights(file)) {
                continue;
            }
            last = hashes.known(file, item.stamps().get(i));
            if (last == null) {
                return null;
            }
            sums.append(last)
                    .append("  ")
                    .append(item.path().relativize(file).toString().replace('\\', '/'))
                    .append('\n');
        }
        return item.files().contains(item.path()) ? last : sums.isEmpty() ? null : sha256(sums.toString());
    }

    /** Has its hash made before others. */
    void wantHash(Item<T> item) {
        if (hash && sha256(item) == null) {
            item.files().stream().filter(Library::isWeights).forEach(file -> hashes.want(file, true));
        }
    }

    /** Makes its hash now. */
    void hash(Item<T> item) throws IOException, InterruptedException {
        for (Path file : item.files()) {
            if (isWeights(file)) {
                hashes.require(file);
            }
        }
    }

    /**
     * @param precision in which it is computed
     */
    WeightsPin pin(Item<T> item, String precision) {
        return new WeightsPin(item.id(), item.bytes(), item.stamp(), sha256(item), precision + " " + item.settings());
    }

    private List<Found> known() {
        return items.values().stream()
                .map(item -> new Found(item.id(), item.path(), kind(item.path())))
                .toList();
    }

    private static Kind kind(Path path) {
        if (Files.isDirectory(path)) {
            return Kind.DIFFUSERS_FOLDER;
        }
        return isWeights(path) ? Kind.SAFETENSORS : Kind.PICKLE;
    }

    /** As it was, where its files have not changed; null when it is gone. */
    private @Nullable Item<T> item(Found found, @Nullable Item<T> before) {
        Item<T> now;
        try {
            List<Path> files =
                    found.kind() == Kind.DIFFUSERS_FOLDER ? filesOf(found.path()) : withCompanions(found.path());
            List<FileStamp> stamps = new ArrayList<>();
            for (Path file : files) {
                stamps.add(FileStamp.of(file));
            }
            now = new Item<>(found.id(), found.path(), files, List.copyOf(stamps), null, null);
        } catch (IOException e) {
            return null;
        }
        if (before != null && before.sameFiles(now)) {
            return before;
        }
        Item<T> read = found.kind() == Kind.PICKLE ? withProblem(now, PICKLE) : read(now);
        if (hash && read.problem() == null && sha256(read) == null) {
            read.files().stream().filter(Library::isWeights).forEach(file -> hashes.want(file, false));
        }
        return read;
    }

    private Item<T> read(Item<T> item) {
        try {
            T content = reader.read(item.path());
            return new Item<>(item.id(), item.path(), item.files(), item.stamps(), content, null);
        } catch (RuntimeException e) {
            String message = String.valueOf(e.getMessage());
            String prefix = item.path() + ": ";
            return withProblem(item, message.startsWith(prefix) ? message.substring(prefix.length()) : message);
        } catch (OutOfMemoryError | StackOverflowError e) {
            // the others must not vanish with it
            return withProblem(item, "asks for more memory than there is when it is looked at (" + e + ")");
        }
    }

    private static <T> Item<T> withProblem(Item<T> item, String problem) {
        return new Item<>(item.id(), item.path(), item.files(), item.stamps(), null, problem);
    }

    /** What hosts and users say about a file beside it. One that comes later changes the list, and with it the item. */
    private static List<Path> withCompanions(Path file) {
        String name = file.getFileName().toString();
        return Stream.of(
                        file,
                        file.resolveSibling(stem(name) + ".yaml"),
                        file.resolveSibling(stem(name) + ".prenoise.json"))
                .filter(each -> each.equals(file) || Files.isRegularFile(each))
                .toList();
    }

    private static List<Path> filesOf(Path folder) throws IOException {
        // a UNet's folder has no others inside, and what else lies there is listed by itself
        boolean whole = Files.isDirectory(folder.resolve("unet")) || !Files.exists(folder.resolve("config.json"));
        try (Stream<Path> files = Files.walk(folder, whole ? FOLDER_DEPTH : 1, FileVisitOption.FOLLOW_LINKS)) {
            return files.filter(file -> whole || isOfUnet(file))
                    .filter(file -> isWeights(file) || isConfig(folder, file))
                    .filter(Files::isRegularFile)
                    .sorted()
                    .toList();
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    private static boolean isOfUnet(Path file) {
        String name = file.getFileName().toString();
        return name.startsWith("diffusion_pytorch_model")
                || name.equals("config.json")
                || name.equals("prenoise.json")
                || name.equals("prenoise.yaml");
    }

    /** What says how the weights are computed: configs, the card, the tokenizer. */
    private static boolean isConfig(Path folder, Path file) {
        return file.toString().endsWith(".json")
                || file.endsWith("merges.txt")
                || file.equals(folder.resolve("prenoise.yaml"));
    }

    private static boolean isWeights(Path file) {
        return file.toString().toLowerCase(Locale.ROOT).endsWith(".safetensors");
    }

    private static String sha256(String text) {
        return HexFormat.of().formatHex(Sha256Cache.digest().digest(text.getBytes(StandardCharsets.UTF_8)));
    }
}
