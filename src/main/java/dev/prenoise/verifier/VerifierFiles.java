package dev.prenoise.verifier;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Finds published networks in the user's {@code --verifiers} folders: a repository under its own name, in a folder of its owner's or as Hugging
 * Face's cache keeps it, and single files that have a name of their own. A folder that may not be read holds nothing.
 */
record VerifierFiles(List<Path> folders) {
    /** What repositories of transformers keep weights in. */
    static final String MODEL = "model.safetensors";

    /** What stands in for {@link #MODEL} where the weights lie in several files. */
    static final String INDEX = "model.safetensors.index.json";

    /** What repositories of OpenCLIP keep weights in. */
    static final String OPEN_CLIP_MODEL = "open_clip_model.safetensors";

    /** Names that say nothing of what is in the file. */
    private static final List<String> SHARED = List.of(MODEL, INDEX, OPEN_CLIP_MODEL, "tokenizer.json", "vocab.json");

    /** Files that Python unpickles, which can run whatever they hold. */
    private static final String PICKLES = "*.{bin,pt,pth,ckpt,pkl}";

    /** What says, beside weights, how a network computes and reads. */
    private static final List<String> SETTINGS = List.of(
            "config.json",
            "open_clip_config.json",
            "preprocessor_config.json",
            "tokenizer.json",
            "tokenizer_config.json",
            "special_tokens_map.json",
            "added_tokens.json",
            "vocab.json",
            "vocab.txt",
            "merges.txt");

    VerifierFiles {
        folders = List.copyOf(folders);
    }

    /**
     * A network's files, or why they cannot be used.
     *
     * @param weights null exactly where there is a problem
     * @param problem says what to put where
     */
    record Found(@Nullable Path weights, @Nullable String problem) {
        /** The folder in which the weights lie, with what belongs to them. */
        Path folder() {
            Path folder = weights().toAbsolutePath().getParent();
            if (folder == null) {
                throw new IllegalStateException(weights() + ": lies in no folder");
            }
            return folder;
        }

        @Override
        public Path weights() {
            if (weights == null) {
                throw new IllegalStateException("weights: of what was not found");
            }
            return weights;
        }
    }

    /**
     * The first of these files of a repository that is there, if every file that it needs lies beside it.
     *
     * @param repository "owner/name", as it was published
     * @param weights names of the file with the weights; one that no other repository has may lie in a {@code --verifiers} folder itself
     * @param beside names of files that have to lie beside it
     */
    Found find(String repository, List<String> weights, String... beside) {
        return findAny(List.of(repository), weights, beside);
    }

    /** {@link #find} of the first repository that is there; those that are there in part come after those that are whole. */
    Found findAny(List<String> repositories, List<String> weights, String... beside) {
        Found broken = null;
        for (String repository : repositories) {
            Found found = look(repository, weights, beside);
            if (found != null && found.problem() == null) {
                return found;
            }
            broken = broken == null ? found : broken;
        }
        return broken != null ? broken : new Found(null, missing(repositories, weights, beside));
    }

    /**
     * What there is in a folder beside weights that scores may depend on.
     *
     * @param place a folder, or a file, which then is all
     */
    static List<Path> settings(Path place) {
        if (Files.isRegularFile(place)) {
            return List.of(place);
        }
        return SETTINGS.stream()
                .map(place::resolve)
                .filter(Files::isRegularFile)
                .toList();
    }

    private @Nullable Found look(String repository, List<String> weights, String... beside) {
        List<Path> own = places(repository);
        List<Path> places = new ArrayList<>(own);
        places.addAll(folders);
        for (Path place : places) {
            for (String name : weights) {
                Path file = place.resolve(name);
                if ((own.contains(place) || !SHARED.contains(name)) && Files.isRegularFile(file)) {
                    return complete(file, beside);
                }
            }
        }
        String stem = weights.get(0).replace(".safetensors", "");
        for (Path place : own) {
            List<Path> pickles = list(place, PICKLES);
            if (!pickles.isEmpty()) {
                return new Found(null, pickle(pickles.get(0), weights.get(0)));
            }
        }
        for (Path folder : folders) {
            List<Path> pickles = stem.equals("model") ? List.of() : list(folder, stem + PICKLES.substring(1));
            if (!pickles.isEmpty()) {
                return new Found(null, pickle(pickles.get(0), weights.get(0)));
            }
        }
        return null;
    }

    private static Found complete(Path weights, String... beside) {
        for (String name : beside) {
            Path file = weights.resolveSibling(name);
            if (!Files.isRegularFile(file)) {
                return new Found(null, file + ": missing (expected: it lies beside " + weights.getFileName() + ")");
            }
        }
        return new Found(weights, null);
    }

    /** Why a pickle is not read, and what to do about it. */
    static String pickle(Path file, String converted) {
        return file + " is a pickle, which can run code when it is read (expected: " + converted
                + "; src/tools/to_safetensors.py makes it of the pickle)";
    }

    private String missing(List<String> repositories, List<String> weights, String... beside) {
        List<String> files = new ArrayList<>(weights.subList(0, 1));
        files.addAll(List.of(beside));
        List<String> others = repositories.subList(1, repositories.size());
        return "its files are missing (expected: " + String.join(" and ", files) + " of " + repositories.get(0)
                + ", in a folder " + name(repositories.get(0)) + " of a --verifiers DIR; "
                + (others.isEmpty() ? "" : "or of one of " + String.join(", ", others) + "; ")
                + (folders.isEmpty()
                        ? "none was given"
                        : "looked in "
                                + String.join(
                                        ", ",
                                        folders.stream().map(Path::toString).toList()))
                + ")";
    }

    /** Folders that there are under the repository's name, or that are it. */
    List<Path> places(String repository) {
        String name = name(repository);
        List<Path> places = new ArrayList<>();
        for (Path folder : folders) {
            if (isNamed(folder, repository)) {
                places.add(folder);
            }
            places.add(folder.resolve(name));
            places.add(folder.resolve(repository));
            places.addAll(list(folder.resolve("models--" + repository.replace("/", "--") + "/snapshots"), "*"));
        }
        places.removeIf(place -> !Files.isDirectory(place));
        return places;
    }

    private static boolean isNamed(Path folder, String repository) {
        Path last = folder.toAbsolutePath().normalize().getFileName();
        return last != null && last.toString().equals(name(repository));
    }

    private static String name(String repository) {
        return repository.substring(repository.indexOf('/') + 1);
    }

    /** What of a folder matches, by name; nothing where it cannot be listed. */
    static List<Path> list(Path folder, String glob) {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        List<Path> found = new ArrayList<>();
        try (DirectoryStream<Path> paths = Files.newDirectoryStream(folder, glob)) {
            paths.forEach(found::add);
        } catch (IOException | DirectoryIteratorException | UncheckedIOException e) {
            // may not be read, so holds nothing that could be used
            return List.of();
        }
        found.sort(null);
        return found;
    }
}
