package dev.prenoise.backbone.lora;

import dev.prenoise.tensor.SafetensorsException;
import dev.prenoise.tensor.SafetensorsFile;
import dev.prenoise.tensor.SafetensorsType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A safetensors file of changes to networks' weights, in any of the formats that trainers write: kohya's and LyCORIS's {@code lora_unet_},
 * {@code lora_te_} names with low-rank, LoHa, LoKr or full differences, with or without DoRA magnitudes, and diffusers' and PEFT's dotted
 * names. Only the header is read when it is opened.
 *
 * <p>Thread-safe. Equal when path, length and time of the last change are equal.
 */
public final class LoraFile {
    private final SafetensorsFile file;
    private final long bytes;
    private final FileTime changed;
    private final TrainedScales trained;
    private final Map<String, Parts> modules;
    private final List<String> unknownKeys;

    private LoraFile(
            SafetensorsFile file,
            long bytes,
            FileTime changed,
            TrainedScales trained,
            Map<String, Parts> modules,
            List<String> unknownKeys) {
        this.file = file;
        this.bytes = bytes;
        this.changed = changed;
        this.trained = trained;
        this.modules = modules;
        this.unknownKeys = unknownKeys;
    }

    /**
     * @throws LoraException when it is no safetensors file, is damaged, holds no LoRA, or has a module whose tensors are incomplete or do not
     *     fit each other; names the file and the key
     */
    public static LoraFile open(Path path) {
        try {
            SafetensorsFile file = SafetensorsFile.open(path);
            LoraFile opened = parse(file, Files.size(path), Files.getLastModifiedTime(path));
            opened.modules.forEach((module, parts) -> {
                Delta.of(parts);
                Delta.Difference.ofBias(parts);
            });
            return opened;
        } catch (SafetensorsException e) {
            throw new LoraException(String.valueOf(e.getMessage()), e);
        } catch (IOException e) {
            throw new LoraException(path + ": cannot be read: " + e, e);
        }
    }

    private static LoraFile parse(SafetensorsFile file, long bytes, FileTime changed) {
        Map<String, Map<Part, String>> keys = new LinkedHashMap<>();
        List<String> unknown = new ArrayList<>();
        for (String key : file.names()) {
            Part.Split split = Part.split(key);
            if (split == null) {
                if (key.contains(".lora_magnitude_vector")) {
                    throw new LoraException(
                            file.path(),
                            "key \"" + key
                                    + "\": DoRA in PEFT's format is not supported (expected: kohya's dora_scale)");
                }
                unknown.add(key);
                continue;
            }
            SafetensorsType type = file.entry(key).type();
            if (split.part() != Part.ALPHA && !type.isFloating()) {
                throw new LoraException(
                        file.path(), "key \"" + key + "\": " + type + " (expected: floating-point numbers)");
            }
            String other = keys.computeIfAbsent(split.module(), module -> new EnumMap<>(Part.class))
                    .put(split.part(), key);
            if (other != null) {
                throw new LoraException(
                        file.path(), "key \"" + key + "\": says the same as \"" + other + "\" (expected: one of them)");
            }
        }
        Map<String, Parts> modules = new LinkedHashMap<>();
        keys.forEach((module, parts) -> modules.put(module, new Parts(file, Collections.unmodifiableMap(parts))));
        if (modules.isEmpty()) {
            throw new LoraException(
                    file.path(),
                    "no LoRA: no key ends as in kohya's, LyCORIS's, diffusers' or PEFT's files (expected: .lora_down.weight,"
                            + " .lora_A.weight, .hada_w1_a, .lokr_w1, .diff and the like); the first of "
                            + unknown.size()
                            + " keys is " + unknown.stream().findFirst().orElse("missing"));
        }
        return new LoraFile(
                file, bytes, changed, TrainedScales.read(file), modules, Collections.unmodifiableList(unknown));
    }

    public Path path() {
        return file.path();
    }

    /** The file's length. */
    public long bytes() {
        return bytes;
    }

    /** Keys of formats that are not supported (OFT, GLoRA, embeddings and so on), in the file's order. */
    public List<String> unknownKeys() {
        return unknownKeys;
    }

    /** By the name that the file gives them. */
    Map<String, Parts> modules() {
        return modules;
    }

    /** What is done to the module's weight; null when nothing is. */
    @Nullable
    Change ofWeight(String module, Parts parts) {
        Delta delta = Delta.of(parts);
        return delta == null ? null : new Change(this, module, parts, delta, false);
    }

    /** What is done to the module's bias. */
    @Nullable
    Change ofBias(String module, Parts parts) {
        Delta delta = Delta.Difference.ofBias(parts);
        return delta == null ? null : new Change(this, module, parts, delta, true);
    }

    double trainedScale(String module, long rank) {
        return trained.of(module, rank);
    }

    LoraException wrong(String module, String problem) {
        return new LoraException(file.path(), "keys of \"" + module + "\": " + problem);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof LoraFile lora
                && path().equals(lora.path())
                && bytes == lora.bytes
                && changed.equals(lora.changed);
    }

    @Override
    public int hashCode() {
        return path().hashCode();
    }

    @Override
    public String toString() {
        return path().toString();
    }
}
