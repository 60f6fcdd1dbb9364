package dev.prenoise.server.cli;

import com.google.protobuf.ProtocolMessageEnum;
import dev.prenoise.diffusion.Samplers;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.Include;
import dev.prenoise.v1.Lora;
import dev.prenoise.v1.LossForm;
import dev.prenoise.v1.NoiseSource;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.PromptWeighting;
import io.grpc.StatusRuntimeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.TypeConversionException;

/** {@code prenoise optimize}: a search, its pictures and its files. */
@Command(
        name = "optimize",
        header = "Finds better initial noise for a prompt.",
        description =
                "Scores the plain seed's noise and others on the model's own attention maps, or by what verifiers say of their "
                        + "pictures, and leaves pictures of before and after, a contact sheet, result.json and noise.safetensors in a folder.",
        sortOptions = false)
final class OptimizeCommand implements Callable<Integer> {
    static final int INTERRUPTED = 130;

    private static final String NUMBER = "[+-]?(?:\\d+\\.?\\d*|\\.\\d+)";
    private static final Pattern LORA = Pattern.compile("([^:].*?)(?::(" + NUMBER + ")(?::(" + NUMBER + "))?)?");

    private static final int CANDIDATES = 16;

    /** What InitNO spends on one candidate. */
    private static final int EVALUATIONS_PER_OPTIMIZED_CANDIDATE = 10;

    private final Console console;
    private final Function<ModelOptions, Service> local;

    @Parameters(
            paramLabel = "PROMPT",
            description = "What the picture shall show, such as \"a red circle and a blue square\".")
    private String prompt = "";

    @Option(names = "--negative", paramLabel = "PROMPT", description = "What it shall not show.")
    private String negative = "";

    @Option(
            names = {"-n", "--candidates"},
            paramLabel = "N",
            description =
                    "How many noises to score, the plain seed's included (with --then: in both stages; by pictures: as many pictures' worth; "
                            + "with --screen: to screen). Default: 16, with --screen 64.")
    private @Nullable Integer candidates;

    @Option(
            names = "--seed",
            paramLabel = "S",
            // A seed whose own picture goes wrong on the first command's prompt, so that there is something to see.
            defaultValue = "123",
            converter = SeedConverter.class,
            description = "The plain seed: candidate 0, and the root of the others. Default: ${DEFAULT-VALUE}.")
    private long seed;

    @Option(
            names = "--loss",
            paramLabel = "LOSS",
            completionCandidates = LossNames.class,
            converter = LossConverter.class,
            description = "How noise is scored: ${COMPLETION-CANDIDATES}. Default: initno.")
    private @Nullable AttentionLoss loss;

    @Option(
            names = "--form",
            paramLabel = "FORM",
            defaultValue = "ranking",
            completionCandidates = FormNames.class,
            converter = FormConverter.class,
            description = "ranking: made comparable between candidates. published: as the authors' code computes it. "
                    + "Default: ${DEFAULT-VALUE}.")
    private LossForm form = LossForm.LOSS_FORM_UNSPECIFIED;

    @Option(
            names = "--optimize",
            description = "Improve each candidate by gradient steps (InitNO; costs 10 loss evaluations a candidate).")
    private boolean optimize;

    @Option(
            names = "--then",
            paramLabel = "LOSS",
            completionCandidates = LossNames.class,
            converter = LossConverter.class,
            description = "A second stage by another loss, such as --loss initno --optimize --then self-cross.")
    private @Nullable AttentionLoss then;

    @Option(
            names = "--subject",
            paramLabel = "WORDS",
            description =
                    "A subject of the prompt, such as \"red circle\"; may be given again. Without it they are found.")
    private List<String> subjects = new ArrayList<>();

    @Option(names = "--stop-on-plateau", description = "Stop when going on is not worth it.")
    private boolean stopOnPlateau;

    @Option(
            names = "--backbone",
            paramLabel = "ID|FILE",
            description = "A model of prenoise models, or without --target a .safetensors file or diffusers folder. "
                    + "Default: the built-in one.")
    private String backbone = "";

    @Option(
            names = "--lora",
            paramLabel = "NAME[:STRENGTH]",
            description =
                    "A LoRA of prenoise models, or without --target a file; NAME:STRENGTH:TEXT_STRENGTH sets the text encoders' "
                            + "apart. May be given again.")
    private List<String> loras = new ArrayList<>();

    @Option(
            names = "--clip-skip",
            paramLabel = "N",
            description = "The text encoder's layer, counted as user interfaces do: 2 = the one before the last. "
                    + "Default: the model family's own.")
    private int clipSkip;

    @Option(
            names = "--weighting",
            paramLabel = "RULE",
            defaultValue = "comfyui",
            completionCandidates = WeightingNames.class,
            converter = WeightingConverter.class,
            description = "Whose rule \"(word:1.2)\" follows: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
    private PromptWeighting weighting = PromptWeighting.PROMPT_WEIGHTING_UNSPECIFIED;

    @Option(names = "--width", paramLabel = "PIXELS", description = "Default: the model's own.")
    private int width;

    @Option(names = "--height", paramLabel = "PIXELS", description = "Default: the model's own.")
    private int height;

    @Option(names = "--steps", paramLabel = "STEPS", description = "Sampling steps. Default: the model's own.")
    private int steps;

    @Option(names = "--guidance", paramLabel = "SCALE", description = "Guidance scale. Default: the model's own.")
    private double guidance;

    @Option(
            names = "--sampler",
            completionCandidates = SamplerNames.class,
            paramLabel = "NAME",
            description = "How the host samples: ${COMPLETION-CANDIDATES}. Default: the model's own.")
    private String sampler = "";

    @Option(
            names = "--schedule",
            paramLabel = "NAME",
            description = "normal, karras, simple, ... Default: the sampler's own.")
    private String schedule = "";

    @Option(
            names = "--best",
            paramLabel = "K",
            defaultValue = "16",
            description = "How many candidates are drawn for the contact sheet. Default: ${DEFAULT-VALUE}.")
    private int best;

    @Option(
            names = "--search-id",
            paramLabel = "ID",
            description = "Names the search at --target; the same request under the same name goes on where it was.")
    private String searchId = "";

    @Option(
            names = {"-o", "--output"},
            paramLabel = "DIR",
            defaultValue = "prenoise-out",
            description = "Where the files go. Default: ./${DEFAULT-VALUE}.")
    private Path output = Path.of("prenoise-out");

    @Option(
            names = {"-q", "--quiet"},
            description = "No progress.")
    private boolean quiet;

    private List<Lora> merged = List.of();

    @ArgGroup(validate = false, heading = "%nBy pictures, where --search, --verifier or --screen is given:%n")
    private PictureSearchOptions pictures = new PictureSearchOptions();

    @Mixin
    private ServiceOptions service = new ServiceOptions();

    OptimizeCommand(Console console, Function<ModelOptions, Service> local) {
        this.console = console;
        this.local = local;
    }

    @Override
    public Integer call() throws Exception {
        requireCount("--candidates", candidates());
        if (pictures.asked()) {
            requireNoAttention();
        }
        requireCount("--best", best);
        OutputFolder folder = OutputFolder.at(output);
        List<Lora> parsed = loras.stream().map(OptimizeCommand::lora).toList();
        backbone = service.model(backbone);
        merged = parsed.stream()
                .map(lora ->
                        lora.toBuilder().setName(service.lora(lora.getName())).build())
                .toList();
        try (Interrupt interrupt = Interrupt.install();
                Service open = service.open(local)) {
            return search(open, folder, interrupt);
        }
    }

    /** Returns the exit code. */
    int search(Service open, OutputFolder folder, Interrupt interrupt) throws Exception {
        Search search = new Search(open, request(open));
        SearchResult result;
        try (ProgressView view = ProgressView.of(console, quiet)) {
            result = interrupt.context().call(() -> search.run(view));
        } catch (StatusRuntimeException e) {
            if (interrupt.fired()) {
                return cancelled(search);
            }
            CliException failure = Failures.of(e, open.name());
            if (search.id().isEmpty() || !Failures.isConnectionLost(e)) {
                throw failure;
            }
            throw new CliException(
                    failure.getMessage() + "; what it found is stored there: the same command with --search-id "
                            + search.id() + " goes on from it",
                    e);
        }
        report(result, folder);
        return 0;
    }

    private void report(SearchResult result, OutputFolder folder) {
        SearchReport report = new SearchReport(result);
        List<Path> files = report.write(folder);
        result.accepted().getWarningsList().forEach(warning -> console.error("note: " + warning));
        result.summary().getWarningsList().forEach(warning -> console.error("note: " + warning));
        if (!result.tellsApart() && result.byPictures()) {
            console.error("note: " + report.measure() + " gives every picture the same score on this prompt");
        } else if (!result.tellsApart()) {
            console.error(
                    "note: " + report.measure() + " gives every noise the same score on this prompt (CONFORM needs two "
                            + "subjects); --loss initno may tell them apart");
        }
        console.out().println(report.headline() + ", pictures in " + output);
        report.byVerifier().forEach(line -> console.out().println("  " + line));
        files.forEach(file -> console.out().println("  " + file));
        console.out().flush();
    }

    private int cancelled(Search search) {
        String found = search.best()
                .map(best -> ", best so far " + SearchResult.nameOf(best.getRecipe()) + " at "
                        + ProgressView.score(best.getScore()) + " (candidate " + best.getIndex() + ")")
                .orElse("");
        console.error("cancelled after " + search.count() + " candidates" + found + "; nothing was written");
        return INTERRUPTED;
    }

    private OptimizeNoiseRequest request(Service open) {
        OptimizeNoiseRequest.Builder request = OptimizeNoiseRequest.newBuilder()
                .setSearchId(searchId.isEmpty() ? "cli-" + UUID.randomUUID() : searchId)
                .setBackbone(backbone)
                .setWidth(width)
                .setHeight(height)
                .setSeed(seed)
                .setNoiseSource(NoiseSource.NOISE_SOURCE_TORCH_CPU);
        request.getPromptBuilder()
                .setText(prompt)
                .setNegativeText(negative)
                .setWeighting(weighting)
                .setClipSkip(clipSkip);
        request.addAllLora(merged);
        subjects.forEach(
                words -> request.getPromptBuilder().addSubjectsBuilder().setText(words));
        request.getSamplingBuilder()
                .setSampler(sampler)
                .setSchedule(schedule)
                .setSteps(steps)
                .setGuidanceScale(guidance);
        request.getBudgetBuilder().setStopOnPlateau(stopOnPlateau);
        if (pictures.asked()) {
            pictures.apply(request, candidates, form);
            pictures.applyClass(open, request);
        } else {
            rank(request);
        }
        request.getOutputBuilder().setBest(best).setNoise(Include.INCLUDE_NONE).setPreview(Include.INCLUDE_BEST);
        return request.build();
    }

    private void rank(OptimizeNoiseRequest.Builder request) {
        request.getAttentionBuilder()
                .setLoss(loss == null ? AttentionLoss.ATTENTION_LOSS_INITNO : loss)
                .setForm(form)
                .setOptimize(optimize);
        if (then != null) {
            request.getAttentionBuilder().setThen(then);
        }
        request.getBudgetBuilder()
                .setLossEvaluations(candidates() * (optimize ? EVALUATIONS_PER_OPTIMIZED_CANDIDATE : 1));
    }

    private int candidates() {
        return candidates == null ? CANDIDATES : candidates;
    }

    private void requireNoAttention() {
        String option = loss != null ? "--loss" : optimize ? "--optimize" : then != null ? "--then" : null;
        if (option != null) {
            throw new CliException(
                    option
                            + ": with --search, --verifier or --screen (expected: without; --screen LOSS ranks by a loss first)");
        }
    }

    /** {@code NAME}, {@code NAME:STRENGTH} or {@code NAME:STRENGTH:TEXT_STRENGTH}; names may have colons of their own. */
    static Lora lora(String text) {
        Matcher parts = LORA.matcher(text);
        if (!parts.matches()) {
            throw new CliException("--lora: \"" + text + "\" (expected: NAME, or NAME:STRENGTH such as ink:0.8)");
        }
        Lora.Builder lora = Lora.newBuilder().setName(parts.group(1));
        if (parts.group(2) != null) {
            lora.setStrength(Double.parseDouble(parts.group(2)));
        }
        if (parts.group(3) != null) {
            lora.setTextStrength(Double.parseDouble(parts.group(3)));
        }
        return lora.build();
    }

    private static void requireCount(String option, int value) {
        int most = Integer.MAX_VALUE / EVALUATIONS_PER_OPTIMIZED_CANDIDATE;
        if (value < 1 || value > most) {
            throw new CliException(option + ": " + value + " (expected: 1 to " + most + ")");
        }
    }

    /** Unsigned 64-bit, as hosts take seeds. */
    static final class SeedConverter implements ITypeConverter<Long> {
        @Override
        public Long convert(String value) {
            try {
                return Long.parseUnsignedLong(value);
            } catch (NumberFormatException e) {
                throw new TypeConversionException(value + " (expected: a whole number from 0 to 18446744073709551615)");
            }
        }
    }

    static final class LossNames implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return WireNames.all(AttentionLoss.class).iterator();
        }
    }

    static final class LossConverter implements ITypeConverter<AttentionLoss> {
        @Override
        public AttentionLoss convert(String value) {
            return parse(AttentionLoss.class, value);
        }
    }

    static final class SamplerNames implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return Samplers.names().iterator();
        }
    }

    static final class WeightingNames implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return WireNames.all(PromptWeighting.class).iterator();
        }
    }

    static final class WeightingConverter implements ITypeConverter<PromptWeighting> {
        @Override
        public PromptWeighting convert(String value) {
            return parse(PromptWeighting.class, value);
        }
    }

    static final class FormNames implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return WireNames.all(LossForm.class).iterator();
        }
    }

    static final class FormConverter implements ITypeConverter<LossForm> {
        @Override
        public LossForm convert(String value) {
            return parse(LossForm.class, value);
        }
    }

    private static <E extends Enum<E> & ProtocolMessageEnum> E parse(Class<E> type, String value) {
        try {
            return WireNames.parse(type, value);
        } catch (IllegalArgumentException e) {
            throw new TypeConversionException(e.getMessage());
        }
    }
}
