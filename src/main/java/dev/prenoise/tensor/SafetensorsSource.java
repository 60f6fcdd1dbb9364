package dev.prenoise.tensor;

import java.nio.file.Path;
import java.util.List;

/** Safetensors files, with their own names. */
record SafetensorsSource(List<SafetensorsFile> files) implements WeightSource {
    SafetensorsSource {
        if (files.isEmpty()) {
            throw new IllegalArgumentException("files: none (expected: at least one)");
        }
    }

    @Override
    public boolean has(String name) {
        return files.stream().anyMatch(file -> file.contains(name));
    }

    @Override
    public List<Long> shape(String name) {
        return fileOf(name).entry(name).shape();
    }

    @Override
    public Tensor load(String name, Compute compute, DType type) {
        return fileOf(name).load(name, compute, type);
    }

    @Override
    public SafetensorsException wrong(String name, String problem) {
        return fileOf(name).wrong(name, problem);
    }

    @Override
    public List<Path> paths() {
        return files.stream().map(SafetensorsFile::path).toList();
    }

    private SafetensorsFile fileOf(String name) {
        return files.stream().filter(file -> file.contains(name)).findFirst().orElse(files.get(0));
    }
}
