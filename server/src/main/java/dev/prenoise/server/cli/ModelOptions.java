package dev.prenoise.server.cli;

import dev.prenoise.engine.CatalogOptions;
import dev.prenoise.engine.EngineOptions;
import dev.prenoise.engine.Precision;
import dev.prenoise.tensor.Compute;
import dev.prenoise.verifier.LlmGrader;
import dev.prenoise.verifier.LlmOptions;
import dev.prenoise.verifier.VerifierOffer;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Which models this process has, and what computes them. */
final class ModelOptions {
    @Option(
            names = "--models",
            paramLabel = "DIR",
            description =
                    "A folder of models, such as the checkpoints folder of ComfyUI or A1111: .safetensors files and diffusers "
                            + "folders, at any depth. May be given again. The built-in models are always there.")
    private List<Path> folders = new ArrayList<>();

    @Option(names = "--loras", paramLabel = "DIR", description = "A folder of LoRA files. May be given again.")
    private List<Path> loras = new ArrayList<>();

    @Option(
            names = "--verifiers",
            paramLabel = "DIR",
            description =
                    "A folder of verifiers' weights under their published names: docs/verifiers.md says which. May be given again.")
    private List<Path> verifiers = new ArrayList<>();

    @Option(
            names = "--default-model",
            paramLabel = "ID",
            description = "The model that a request means which names none. Default: the built-in one.")
    private String defaultModel = "";

    @Option(
            names = "--tokenizer",
            paramLabel = "DIR",
            description =
                    "A folder with a CLIP tokenizer's files (vocab.json and merges.txt, or tokenizer.json), looked at before the "
                            + "places where hosts keep them. May be given again.")
    private List<Path> tokenizers = new ArrayList<>();

    @Option(
            names = "--device",
            paramLabel = "NAME",
            defaultValue = "${env:PRENOISE_DEVICE:-}",
            description =
                    "auto, cpu, cuda, cuda:1 or mps. Default: the first CUDA device that libtorch sees, else Apple's GPU, else the CPU.")
    private String device = "";

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            defaultValue = "auto",
            converter = PrecisionConverter.class,
            description =
                    "What a UNet and its text encoders are computed in: fp16, bf16, fp32 or auto (fp16 on a GPU, fp32 on a CPU). "
                            + "Default: ${DEFAULT-VALUE}.")
    private Precision precision = Precision.AUTO;

    @Option(
            names = "--memory-limit",
            paramLabel = "SIZE",
            converter = SizeConverter.class,
            description =
                    "How much of the device models and what they compute with may take, such as 6G or 800M. Default: what is free.")
    private @Nullable Long memoryLimit;

    @Option(
            names = "--idle",
            paramLabel = "SECONDS",
            description = "After so long without work a model's weights leave the device; 0 = never. Default: 300.")
    private @Nullable Integer idle;

    @Mixin
    private RemoteVerifierOptions remotes = new RemoteVerifierOptions();

    @Mixin
    private GraderOptions grader = new GraderOptions();

    private boolean hashing;

    /** A process that stays has the time to hash the models' files. */
    void setHashing() {
        hashing = true;
    }

    /** A model's name in the catalog: an id, or a file or folder of this machine, which is then there under its own name, whatever else is. */
    String model(String idOrFile) {
        return named(idOrFile, folders);
    }

    /** A LoRA's, likewise. */
    String lora(String nameOrFile) {
        return named(nameOrFile, loras);
    }

    private static String named(String nameOrFile, List<Path> places) {
        Path file = existing(nameOrFile);
        if (file == null) {
            return nameOrFile;
        }
        if (!places.contains(file)) {
            places.add(0, file);
        }
        return file.getFileName().toString();
    }

    private static @Nullable Path existing(String name) {
        try {
            Path path = Path.of(name).toAbsolutePath().normalize();
            return name.isEmpty() || path.getFileName() == null || !Files.exists(path) ? null : path;
        } catch (InvalidPathException e) {
            return null;
        }
    }

    Precision precision() {
        return precision;
    }

    /** "" = chosen by what there is. */
    String device() {
        return device;
    }

    /**
     * What --device says where others compute and this process does not: their device, which this machine need not have. Models are on the CPU
     * here from then on.
     *
     * @return as {@link Compute#nameOf} has it; "" = it says nothing, and theirs is this machine's
     * @throws CliException when there is no such device anywhere
     */
    String deviceOfOthers() {
        if (device.isEmpty() || device.equals("auto")) {
            return "";
        }
        try {
            String others = Compute.nameOf(device);
            device = "cpu";
            return others;
        } catch (IllegalArgumentException e) {
            throw new CliException("--" + e.getMessage(), e);
        }
    }

    /** The name of an option that is set and says where this process's own models are or how they are computed; null = none is. */
    @Nullable
    String firstSet() {
        if (!folders.isEmpty()) {
            return "--models";
        }
        if (!loras.isEmpty()) {
            return "--loras";
        }
        if (!verifiers.isEmpty()) {
            return "--verifiers";
        }
        if (!tokenizers.isEmpty()) {
            return "--tokenizer";
        }
        if (!defaultModel.isEmpty()) {
            return "--default-model";
        }
        if (memoryLimit != null) {
            return "--memory-limit";
        }
        if (precision != Precision.AUTO) {
            return "--dtype";
        }
        if (idle != null) {
            return "--idle";
        }
        String remote = remotes.firstSet();
        return remote == null ? grader.firstSet() : remote;
    }

    /**
     * @throws CliException when an option cannot be used
     */
    CatalogOptions catalog() {
        if (idle != null && idle < 0) {
            throw new CliException("--idle: " + idle + " (expected: >= 0 seconds)");
        }
        EngineOptions engine = new EngineOptions(
                device.isEmpty() ? "auto" : device,
                memoryLimit == null ? 0 : memoryLimit,
                idle == null ? EngineOptions.DEFAULT_IDLE : Duration.ofSeconds(idle),
                precision,
                tokenizers);
        return CatalogOptions.of(Folders.cache())
                .withModels(folders)
                .withLoras(loras)
                .withVerifiers(verifiers)
                .withDefaultModel(defaultModel)
                .withHashing(hashing)
                .withOffers(offers())
                .withEngine(engine);
    }

    private List<VerifierOffer> offers() {
        List<VerifierOffer> offers = new ArrayList<>(remotes.offers());
        LlmOptions service = grader.options(System.getenv());
        if (service != null && offers.stream().anyMatch(offer -> offer.name().equals(PictureSearchOptions.GRADER))) {
            throw new CliException("--llm: with --verifier-at " + PictureSearchOptions.GRADER
                    + "=... (expected: one of them, as both are the verifier " + PictureSearchOptions.GRADER
                    + "; --verifier-at can give the other machine's another name)");
        }
        offers.add(LlmGrader.offer(service, Folders.cache()));
        return offers;
    }

    /** Bytes, or with K, M, G and T, which count by thousands as drives and graphics cards are sold. */
    static final class SizeConverter implements ITypeConverter<Long> {
        private static final Pattern SIZE =
                Pattern.compile("(\\d{1,9}(?:\\.\\d{1,3})?)\\s*([KMGT]?)(?:i?B)?", Pattern.CASE_INSENSITIVE);

        @Override
        public Long convert(String value) {
            Matcher size = SIZE.matcher(value.strip());
            if (!size.matches()) {
                throw wrong(value);
            }
            String unit = size.group(2).toUpperCase(Locale.ROOT);
            double bytes =
                    Double.parseDouble(size.group(1)) * Math.pow(1000, unit.isEmpty() ? 0 : "KMGT".indexOf(unit) + 1);
            if (bytes < 1 || bytes > 1e15) {
                throw wrong(value);
            }
            return (long) bytes;
        }

        private static TypeConversionException wrong(String value) {
            return new TypeConversionException(value + " (expected: a size such as 6G or 800M)");
        }
    }

    static final class PrecisionConverter implements ITypeConverter<Precision> {
        @Override
        public Precision convert(String value) {
            return switch (value.toLowerCase(Locale.ROOT)) {
                case "auto" -> Precision.AUTO;
                case "fp16", "float16", "half" -> Precision.FP16;
                case "bf16", "bfloat16" -> Precision.BF16;
                case "fp32", "float32", "full" -> Precision.FP32;
                default -> throw new TypeConversionException(value + " (expected: auto, fp16, bf16 or fp32)");
            };
        }
    }
}
