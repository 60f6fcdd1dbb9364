package dev.prenoise.text;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Finds CLIP's tokenizer files for a checkpoint that does not bring them, which no single file does: where the user says, in the installation of
 * a host that the models belong to, in Hugging Face's cache. CLIP-L, OpenCLIP-H and OpenCLIP-bigG share one vocabulary, so any of them will do.
 */
public final class TokenizerFinder {
    /** In a host's folder; {@code *} stands for any name. */
    private static final List<String> IN_HOST = List.of(
            // ComfyUI
            "comfy/sd1_tokenizer",
            // Forge
            "backend/huggingface/runwayml/stable-diffusion-v1-5/tokenizer",
            "backend/huggingface/stabilityai/stable-diffusion-xl-base-1.0/tokenizer",
            "ldm_patched/modules/sd1_tokenizer",
            "models/diffusers/models--openai--clip-vit-large-patch14/snapshots/*",
            // A1111: its Python packages bring the vocabulary
            "venv/lib*/python3*/site-packages/open_clip/bpe_simple_vocab_16e6.txt.gz",
            "venv/Lib/site-packages/open_clip/bpe_simple_vocab_16e6.txt.gz",
            "venv/lib*/python3*/site-packages/clip/bpe_simple_vocab_16e6.txt.gz",
            "venv/Lib/site-packages/clip/bpe_simple_vocab_16e6.txt.gz");

    /** Where hosts stand beside a folder of models; the empty one is a host with the models in it. */
    private static final List<String> HOSTS = List.of(
            "",
            "ComfyUI",
            "ComfyUI_windows_portable/ComfyUI",
            "stable-diffusion-webui",
            "stable-diffusion-webui-forge",
            "webui",
            // Stability Matrix
            "Packages/*",
            // SwarmUI
            "dlbackend/comfy/ComfyUI",
            "dlbackend/ComfyUI");

    private static final List<String> IN_HUB = List.of(
            "models--openai--clip-vit-large-patch14/snapshots/*",
            "models--laion--CLIP-ViT-H-14-laion2B-s32B-b79K/snapshots/*",
            "models--laion--CLIP-ViT-bigG-14-laion2B-39B-b160k/snapshots/*",
            "models--runwayml--stable-diffusion-v1-5/snapshots/*/tokenizer",
            "models--stable-diffusion-v1-5--stable-diffusion-v1-5/snapshots/*/tokenizer",
            "models--CompVis--stable-diffusion-v1-4/snapshots/*/tokenizer",
            "models--stabilityai--stable-diffusion-xl-base-1.0/snapshots/*/tokenizer");

    private final List<Path> given;
    private final List<Path> models;
    private final Map<String, String> environment;
    private final Path home;

    /**
     * @param given where the user says that tokenizer files are: folders of them, of a model or of a host
     * @param models folders of models
     */
    public TokenizerFinder(List<Path> given, List<Path> models) {
        this(given, models, System.getenv(), Path.of(System.getProperty("user.home", "")));
    }

    TokenizerFinder(List<Path> given, List<Path> models, Map<String, String> environment, Path home) {
        this.given = List.copyOf(given);
        this.models = List.copyOf(models);
        this.environment = Map.copyOf(environment);
        this.home = home;
    }

    /**
     * What {@link Tokenizer#load} takes: the checkpoint's own folder where it has one, else the first that is found.
     *
     * @param checkpoint a file or a folder
     * @throws TokenizerException when there is none, which says where it was looked for, or when a place that the user names has none
     */
    public Path find(Path checkpoint) {
        Path own = Files.isDirectory(checkpoint) ? inModel(checkpoint) : null;
        if (own != null) {
            return own;
        }
        if (!given.isEmpty()) {
            return atGiven(given);
        }
        Set<Path> roots = roots(checkpoint);
        for (Path root : roots) {
            for (String host : HOSTS) {
                for (String files : IN_HOST) {
                    Path found = first(root, host.isEmpty() ? files : host + "/" + files);
                    if (found != null) {
                        return found;
                    }
                }
            }
        }
        for (Path hub : hubs()) {
            for (String files : IN_HUB) {
                Path found = first(hub, files);
                if (found != null) {
                    return found;
                }
            }
        }
        throw new TokenizerException(nothing(checkpoint, roots));
    }

    /** The first that has what is needed. Where none has, the user means another folder, so no other place is looked at. */
    private static Path atGiven(List<Path> given) {
        for (Path place : given) {
            Path found = isTokenizer(place) ? place : inModel(place);
            for (int i = 0; found == null && i < IN_HOST.size(); i++) {
                found = first(place, IN_HOST.get(i));
            }
            if (found != null) {
                return found;
            }
        }
        throw new TokenizerException(given.stream().map(Path::toString).collect(Collectors.joining(", "))
                + ": no tokenizer files (expected: CLIP's vocab.json and merges.txt, or tokenizer.json, in it or in its tokenizer/; "
                + "or the folder of a ComfyUI, a Forge or an A1111)");
    }

    private static @Nullable Path inModel(Path folder) {
        Path found = first(folder, "tokenizer");
        return found == null ? first(folder, "tokenizer_2") : found;
    }

    /** The folders above the checkpoint and above the folders of models: as they are called, and where links lead. */
    private Set<Path> roots(Path checkpoint) {
        Set<Path> roots = new LinkedHashSet<>();
        List<Path> starts = new ArrayList<>(List.of(checkpoint));
        starts.addAll(models);
        for (Path start : starts) {
            addAbove(start.toAbsolutePath().normalize(), roots);
            try {
                addAbove(start.toRealPath(), roots);
            } catch (IOException e) {
                // Only where a link leads to is unknown then.
                continue;
            }
        }
        return roots;
    }

    private static void addAbove(Path start, Set<Path> roots) {
        for (Path path = start; path != null; path = path.getParent()) {
            if (Files.isDirectory(path)) {
                roots.add(path);
            }
        }
    }

    /** Hugging Face's caches, as its libraries look for them. */
    private Collection<Path> hubs() {
        Set<Path> hubs = new LinkedHashSet<>();
        addHub("HF_HUB_CACHE", "", hubs);
        addHub("HUGGINGFACE_HUB_CACHE", "", hubs);
        addHub("HF_HOME", "hub", hubs);
        addHub("TRANSFORMERS_CACHE", "", hubs);
        addHub("XDG_CACHE_HOME", "huggingface/hub", hubs);
        hubs.add(home.resolve(".cache/huggingface/hub"));
        return hubs;
    }

    private void addHub(String variable, String below, Set<Path> hubs) {
        String value = environment.get(variable);
        if (value == null || value.isBlank()) {
            return;
        }
        try {
            hubs.add(Path.of(value).resolve(below));
        } catch (InvalidPathException e) {
            // Set to what is no path on this system: no cache of anybody's.
            return;
        }
    }

    private static @Nullable Path first(Path root, String pattern) {
        List<Path> places = List.of(root);
        for (String name : pattern.split("/")) {
            places = places.stream()
                    .flatMap(place -> below(place, name).stream())
                    .toList();
        }
        return places.stream().filter(TokenizerFinder::isTokenizer).findFirst().orElse(null);
    }

    private static List<Path> below(Path folder, String name) {
        if (!name.contains("*")) {
            Path path = folder.resolve(name);
            return Files.exists(path) ? List.of(path) : List.of();
        }
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> paths = Files.newDirectoryStream(folder, name)) {
            paths.forEach(found::add);
        } catch (IOException | DirectoryIteratorException | UncheckedIOException e) {
            // A folder that may not be read holds nothing that could be used.
            return List.of();
        }
        found.sort(null);
        return found;
    }

    private static boolean isTokenizer(Path path) {
        return Files.isRegularFile(path)
                ? path.toString().endsWith(".txt.gz")
                : Files.isRegularFile(path.resolve("tokenizer.json"))
                        || (Files.isRegularFile(path.resolve("vocab.json"))
                                && Files.isRegularFile(path.resolve("merges.txt")));
    }

    private String nothing(Path checkpoint, Set<Path> roots) {
        String own = Files.isDirectory(checkpoint) ? "in its tokenizer/ and tokenizer_2/; " : "";
        return "no tokenizer for " + checkpoint
                + " (expected: CLIP's vocab.json and merges.txt, or tokenizer.json; give their folder with --tokenizer DIR, the same for every "
                + "Stable Diffusion). Looked " + own + "in "
                + roots.stream().map(Path::toString).collect(Collectors.joining(", "))
                + " and, there, in "
                + HOSTS.stream().filter(host -> !host.isEmpty()).collect(Collectors.joining(", ")) + ", for "
                + String.join(", ", IN_HOST) + "; in "
                + hubs().stream().map(Path::toString).collect(Collectors.joining(", ")) + " for "
                + String.join(", ", IN_HUB);
    }
}
