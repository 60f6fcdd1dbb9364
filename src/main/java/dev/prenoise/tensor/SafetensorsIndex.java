package dev.prenoise.tensor;

import java.nio.file.Path;
import java.util.List;

/** {@code NAME.safetensors.index.json}, which says in which files of its folder the tensors of a large network lie. */
public final class SafetensorsIndex {
    private SafetensorsIndex() {}

    /**
     * @return the files, by name
     * @throws IllegalArgumentException when the index cannot be read; names it
     * @throws SafetensorsException when it names no file, or one outside of its folder
     */
    public static List<Path> files(Path index) {
        List<String> names = ConfigFile.read(index).textValues("weight_map").stream()
                .distinct()
                .sorted()
                .toList();
        for (String name : names) {
            if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]*\\.safetensors")) {
                throw new SafetensorsException(
                        index, "weight_map: \"" + name + "\" (expected: names of safetensors files of this folder)");
            }
        }
        if (names.isEmpty()) {
            throw new SafetensorsException(index, "weight_map: empty (expected: tensors and their files)");
        }
        return names.stream().map(index::resolveSibling).toList();
    }
}
