package dev.prenoise.server.grpc;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.Duration;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import dev.prenoise.attention.LossForm;
import dev.prenoise.diffusion.Prediction;
import dev.prenoise.engine.ConditioningSpec;
import dev.prenoise.engine.Host;
import dev.prenoise.engine.HostProfile;
import dev.prenoise.engine.LoraSpec;
import dev.prenoise.engine.PromptSpec;
import dev.prenoise.engine.SamplingSpec;
import dev.prenoise.engine.SubjectSpec;
import dev.prenoise.engine.Weighting;
import dev.prenoise.noise.Noise;
import dev.prenoise.noise.NoiseRecipe;
import dev.prenoise.noise.NoiseRecipes;
import dev.prenoise.noise.NoiseSource;
import dev.prenoise.noise.NoiseStep;
import dev.prenoise.search.Budget;
import dev.prenoise.search.FirstOrderParameters;
import dev.prenoise.search.PathsParameters;
import dev.prenoise.search.StopReason;
import dev.prenoise.search.ZeroOrderParameters;
import dev.prenoise.server.jobs.AskedBudget;
import dev.prenoise.server.jobs.AttentionStrategy;
import dev.prenoise.server.jobs.CascadeStrategy;
import dev.prenoise.server.jobs.CatalogModel;
import dev.prenoise.server.jobs.HostModel;
import dev.prenoise.server.jobs.Illustrations;
import dev.prenoise.server.jobs.Include;
import dev.prenoise.server.jobs.SearchModel;
import dev.prenoise.server.jobs.SearchSpec;
import dev.prenoise.server.jobs.SearchStrategy;
import dev.prenoise.server.jobs.VerifierStrategy;
import dev.prenoise.server.jobs.VerifierStrategy.Algorithm;
import dev.prenoise.server.store.Acceptance;
import dev.prenoise.server.store.HeatMap;
import dev.prenoise.server.store.SearchState;
import dev.prenoise.server.store.StoreCodec;
import dev.prenoise.server.store.StoredCandidate;
import dev.prenoise.server.store.VerifierChoice;
import dev.prenoise.text.Span;
import dev.prenoise.text.SubjectLocator;
import dev.prenoise.v1.Accepted;
import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.AttentionRanking;
import dev.prenoise.v1.Candidate;
import dev.prenoise.v1.Cascade;
import dev.prenoise.v1.Conditioning;
import dev.prenoise.v1.FindSubjectsResponse;
import dev.prenoise.v1.FirstOrder;
import dev.prenoise.v1.FoundSubject;
import dev.prenoise.v1.HostSampler;
import dev.prenoise.v1.HostStart;
import dev.prenoise.v1.Lora;
import dev.prenoise.v1.Optimization;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.Output;
import dev.prenoise.v1.Paths;
import dev.prenoise.v1.Perturbation;
import dev.prenoise.v1.Progress;
import dev.prenoise.v1.Prompt;
import dev.prenoise.v1.Sampling;
import dev.prenoise.v1.SearchAlgorithm;
import dev.prenoise.v1.Subject;
import dev.prenoise.v1.Tensor;
import dev.prenoise.v1.TextSpan;
import dev.prenoise.v1.Verifier;
import dev.prenoise.v1.VerifierSearch;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * The one place that maps messages to domain records and back. What comes in is valid already (see {@link RequestValidator}); an
 * unspecified enum value becomes its default here.
 */
public final class Protos {
    private static final Map<AttentionLoss, String> LOSS_NAMES = Map.of(
            AttentionLoss.ATTENTION_LOSS_INITNO, "initno",
            AttentionLoss.ATTENTION_LOSS_CONFORM, "conform",
            AttentionLoss.ATTENTION_LOSS_SELF_CROSS, "self-cross",
            AttentionLoss.ATTENTION_LOSS_ATTEND_AND_EXCITE, "attend-and-excite");

    /** How many a cascade keeps. */
    private static final int KEPT = 8;

    private Protos() {}

    // --- requests ---

    /**
     * @param loras the names in the catalog of those that the request names, in its order
     * @param verifiers likewise
     */
    static SearchSpec search(
            OptimizeNoiseRequest request, String id, String backbone, List<String> loras, List<String> verifiers) {
        CatalogModel model = new CatalogModel(
                backbone,
                sampling(request.getSampling()),
                loras(request.getLoraList(), loras),
                request.getWidth(),
                request.getHeight());
        return search(request, id, fingerprint(request), model, verifiers);
    }

    /**
     * @param host to be asked, given what says whether the search is to stop
     * @param verifiers the names in the catalog of those that the request names, in its order
     */
    static SearchSpec search(HostStart start, String id, Function<BooleanSupplier, Host> host, List<String> verifiers) {
        HostModel model = new HostModel(start.getModel(), profile(start), host);
        return search(start.getRequest(), id, fingerprint(start), model, verifiers);
    }

    private static SearchSpec search(
            OptimizeNoiseRequest request, String id, String fingerprint, SearchModel model, List<String> verifiers) {
        OptimizeNoiseRequest named = request.toBuilder().setSearchId(id).build();
        return new SearchSpec(
                id,
                named.toByteArray(),
                fingerprint,
                model,
                prompt(request.getPrompt()),
                request.getSeed(),
                source(request.getNoiseSource()),
                request.hasNoise() ? noise(request) : null,
                strategy(request, verifiers),
                new AskedBudget(budget(request.getBudget()), request.getBudget().getPictures()));
    }

    /** What a host says of itself, its defaults filled in. */
    static HostProfile profile(HostStart start) {
        HostSampler sampler = start.getSampler();
        int calls = orElse(sampler.getCalls(), start.getRequest().getSampling().getSteps());
        return new HostProfile(
                start.getNoiseShapeList(),
                orElse(start.getMaxBatch(), 1),
                start.getGradients(),
                calls,
                orElse(sampler.getRows(), 1),
                orElse(sampler.getGradientCalls(), calls),
                sampler.getSigmasList(),
                prediction(sampler.getPrediction()));
    }

    /** Null for an unknown one. */
    static @Nullable Prediction prediction(String name) {
        return switch (name) {
            case "eps" -> Prediction.EPSILON;
            case "v" -> Prediction.V;
            case "flow" -> Prediction.FLOW;
            default -> null;
        };
    }

    /** Equal for requests that ask for the same search: the id names it, and output says what one caller wants to see of it. */
    static String fingerprint(OptimizeNoiseRequest request) {
        return sha256(plain(request));
    }

    /** The model is pinned as weights are; how many noises it takes at once, and whether it has gradients, change no score. */
    static String fingerprint(HostStart start) {
        return sha256(start.toBuilder()
                .setRequest(plain(start.getRequest()))
                .clearModel()
                .clearMaxBatch()
                .clearGradients()
                .build());
    }

    private static OptimizeNoiseRequest plain(OptimizeNoiseRequest request) {
        return request.toBuilder().clearSearchId().clearOutput().build();
    }

    private static String sha256(Message message) {
        byte[] bytes = canonical(message);
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java has SHA-256", e);
        }
    }

    static Illustrations illustrations(Output output) {
        return new Illustrations(include(output.getPreview()), output.getAttention(), best(output));
    }

    /** How many candidates the summary holds. */
    static int best(Output output) {
        return Math.max(1, output.getBest());
    }

    static Include include(dev.prenoise.v1.Include include) {
        return switch (include) {
            case INCLUDE_ALL -> Include.ALL;
            case INCLUDE_BEST -> Include.BEST;
            default -> Include.NONE;
        };
    }

    static LossForm form(dev.prenoise.v1.LossForm form) {
        return form == dev.prenoise.v1.LossForm.LOSS_FORM_PUBLISHED ? LossForm.PUBLISHED : LossForm.RANKING;
    }

    /** Null for an unspecified or unknown loss. */
    static @Nullable String lossName(AttentionLoss loss) {
        return LOSS_NAMES.get(loss);
    }

    static NoiseRecipe recipe(dev.prenoise.v1.NoiseRecipe recipe) {
        return new NoiseRecipe(
                recipe.getSeed(),
                source(recipe.getSource()),
                recipe.getShapeList(),
                recipe.getStepsList().stream().map(Protos::step).toList(),
                recipe.getBaseSha256().isEmpty() ? null : recipe.getBaseSha256());
    }

    static java.time.Duration duration(Duration duration) {
        return java.time.Duration.ofSeconds(duration.getSeconds(), duration.getNanos());
    }

    static PromptSpec prompt(Prompt prompt) {
        return new PromptSpec(
                prompt.getText(),
                prompt.getNegativeText(),
                prompt.getSubjectsList().stream().map(Protos::subject).toList(),
                prompt.hasConditioning() ? conditioning(prompt.getConditioning()) : null,
                switch (prompt.getWeighting()) {
                    case PROMPT_WEIGHTING_A1111 -> Weighting.A1111;
                    case PROMPT_WEIGHTING_NONE -> Weighting.NONE;
                    default -> Weighting.COMFYUI;
                },
                prompt.getClipSkip());
    }

    private static ConditioningSpec conditioning(Conditioning conditioning) {
        return new ConditioningSpec(
                values(conditioning.getEmbeddings()),
                conditioning.hasPooled() ? values(conditioning.getPooled()) : null,
                conditioning.hasNegativeEmbeddings() ? values(conditioning.getNegativeEmbeddings()) : null,
                conditioning.hasNegativePooled() ? values(conditioning.getNegativePooled()) : null,
                conditioning.getTimeIdsList());
    }

    private static ConditioningSpec.Values values(Tensor tensor) {
        return new ConditioningSpec.Values(tensor.getShapeList(), Tensors.floats(tensor));
    }

    private static List<LoraSpec> loras(List<Lora> loras, List<String> names) {
        List<LoraSpec> specs = new ArrayList<>();
        for (int i = 0; i < loras.size(); i++) {
            Lora lora = loras.get(i);
            double strength = lora.hasStrength() ? lora.getStrength() : 1;
            specs.add(new LoraSpec(names.get(i), strength, lora.hasTextStrength() ? lora.getTextStrength() : strength));
        }
        return List.copyOf(specs);
    }

    private static SubjectSpec subject(Subject subject) {
        return new SubjectSpec(subject.getText(), subject.getAttributesList(), subject.getTokenIndicesList());
    }

    private static SamplingSpec sampling(Sampling sampling) {
        return new SamplingSpec(
                sampling.getSampler(),
                sampling.getSchedule(),
                sampling.getSteps(),
                sampling.getGuidanceScale(),
                sampling.getSigmasList());
    }

    private static NoiseSource source(dev.prenoise.v1.NoiseSource source) {
        return source == dev.prenoise.v1.NoiseSource.NOISE_SOURCE_NV_PHILOX
                ? NoiseSource.NV_PHILOX
                : NoiseSource.TORCH_CPU;
    }

    /** That of the request; it has one. */
    static Noise noise(OptimizeNoiseRequest request) {
        long[] shape = request.getNoise().getShapeList().stream()
                .mapToLong(Long::longValue)
                .toArray();
        return Noise.of(shape, Tensors.floats(request.getNoise()));
    }

    private static SearchStrategy strategy(OptimizeNoiseRequest request, List<String> verifiers) {
        return switch (request.getStrategyCase()) {
            case VERIFIER -> strategy(request.getVerifier(), verifiers);
            case CASCADE -> strategy(request.getCascade(), verifiers);
            default -> strategy("attention", request.getAttention());
        };
    }

    private static CascadeStrategy strategy(Cascade cascade, List<String> verifiers) {
        return new CascadeStrategy(
                strategy("cascade.screen", cascade.getScreen()),
                orElse(cascade.getKeep(), KEPT),
                strategy(cascade.getVerify(), verifiers));
    }

    private static VerifierStrategy strategy(VerifierSearch search, List<String> names) {
        return new VerifierStrategy(
                algorithm(search.getAlgorithm()),
                verifiers(search.getVerifiersList(), names),
                search.getSteps(),
                zeroOrder(search),
                paths(search.getPaths()),
                firstOrder(search.getFirstOrder()),
                search.getFirstOrder().getLastSteps());
    }

    private static Algorithm algorithm(SearchAlgorithm algorithm) {
        return switch (algorithm) {
            case SEARCH_ALGORITHM_ZERO_ORDER -> Algorithm.ZERO_ORDER;
            case SEARCH_ALGORITHM_PATHS -> Algorithm.PATHS;
            case SEARCH_ALGORITHM_ZERO_ORDER_THEN_PATHS -> Algorithm.ZERO_ORDER_THEN_PATHS;
            case SEARCH_ALGORITHM_FIRST_ORDER -> Algorithm.FIRST_ORDER;
            default -> Algorithm.RANDOM;
        };
    }

    /**
     * @throws IllegalArgumentException when a value is out of range; the message names its field
     */
    static ZeroOrderParameters zeroOrder(VerifierSearch search) {
        return new ZeroOrderParameters(
                orElse(search.getNeighbors(), ZeroOrderParameters.DEFAULT.neighbors()),
                orElse(search.getStepSize(), ZeroOrderParameters.DEFAULT.stepSize()),
                search.getRestartAfter());
    }

    /**
     * @throws IllegalArgumentException when a value is out of range; the message names its field
     */
    static PathsParameters paths(Paths paths) {
        PathsParameters usual = PathsParameters.DEFAULT;
        return new PathsParameters(
                orElse(paths.getInitialPaths(), usual.initialPaths()),
                orElse(paths.getWidth(), usual.width()),
                orElse(paths.getStartSigma(), usual.startSigma()),
                orElse(paths.getBackwardStep(), usual.backwardStep()),
                orElse(paths.getForwardStep(), usual.forwardStep()));
    }

    /**
     * @throws IllegalArgumentException when a value is out of range; the message names its field
     */
    static FirstOrderParameters firstOrder(FirstOrder firstOrder) {
        FirstOrderParameters usual = FirstOrderParameters.DEFAULT;
        return new FirstOrderParameters(orElse(firstOrder.getStepSize(), usual.stepSize()), usual.halvings());
    }

    private static int orElse(int asked, int usual) {
        return asked == 0 ? usual : asked;
    }

    private static double orElse(double asked, double usual) {
        return asked == 0 ? usual : asked;
    }

    private static List<VerifierChoice> verifiers(List<Verifier> verifiers, List<String> names) {
        List<VerifierChoice> choices = new ArrayList<>();
        for (int i = 0; i < verifiers.size(); i++) {
            choices.add(
                    verifier(verifiers.get(i).toBuilder().setName(names.get(i)).build()));
        }
        return List.copyOf(choices);
    }

    private static VerifierChoice verifier(Verifier verifier) {
        double weight = verifier.getWeight() == 0 ? 1 : verifier.getWeight();
        return new VerifierChoice(verifier.getName(), weight, verifier.getLabel(), verifier.getInstructions());
    }

    private static AttentionStrategy strategy(String field, AttentionRanking ranking) {
        String loss = lossName(ranking.getLoss());
        if (loss == null) {
            throw new IllegalArgumentException(
                    field + ".loss: " + ranking.getLoss() + " (expected: a checked request)");
        }
        return new AttentionStrategy(loss, form(ranking.getForm()), ranking.getOptimize(), lossName(ranking.getThen()));
    }

    private static Budget budget(dev.prenoise.v1.Budget budget) {
        return new Budget(
                budget.getLossEvaluations(),
                budget.getFunctionEvaluations(),
                duration(budget.getWallTime()),
                budget.getStopOnPlateau());
    }

    private static NoiseStep step(dev.prenoise.v1.NoiseStep step) {
        return step.hasOptimization()
                ? new NoiseStep.Optimization(
                        step.getOptimization().getAlgorithm(),
                        step.getOptimization().getLossEvaluations())
                : new NoiseStep.Perturbation(
                        step.getPerturbation().getSeed(), step.getPerturbation().getStepSize());
    }

    // --- responses ---

    static Accepted accepted(String id, Acceptance acceptance) {
        return Accepted.newBuilder()
                .setSearchId(id)
                .setBackbone(acceptance.backbone())
                .addAllSubjects(
                        acceptance.subjects().stream().map(Protos::subject).toList())
                .setBudget(budget(acceptance.budget()))
                .addAllNoiseShape(acceptance.noiseShape())
                .addAllWarnings(acceptance.warnings())
                .addAllVerifiers(
                        acceptance.verifiers().stream().map(Protos::verifier).toList())
                .build();
    }

    private static Verifier verifier(VerifierChoice choice) {
        return Verifier.newBuilder()
                .setName(choice.name())
                .setWeight(choice.weight())
                .setLabel(choice.label())
                .setInstructions(choice.instructions())
                .build();
    }

    static Progress progress(dev.prenoise.server.jobs.Progress progress) {
        Progress.Builder message = Progress.newBuilder()
                .setLossEvaluations(progress.spent().lossEvaluations())
                .setFunctionEvaluations(progress.spent().functionEvaluations() + progress.illustrationCalls())
                .setElapsed(duration(progress.elapsed()))
                .setFraction(progress.fraction())
                .setDenoiserCalls(progress.spent().denoiserCalls())
                .setBatchRows(progress.spent().batchRows())
                .setStage(progress.stage());
        // Not a number has no place in JSON, which many a caller makes of this.
        if (!Double.isNaN(progress.bestScore())) {
            message.setBestScore(progress.bestScore());
        }
        return message.build();
    }

    /** With its noise, where it is asked for: from the store, or made again from the recipe. */
    static Candidate candidate(
            StoredCandidate stored, boolean lowerIsBetter, boolean withNoise, boolean withPreview, boolean withMaps) {
        dev.prenoise.search.Candidate candidate = stored.candidate();
        Candidate.Builder message = Candidate.newBuilder()
                .setIndex(candidate.index())
                .setRecipe(recipe(candidate.recipe()))
                .setScore(candidate.score())
                .setScoreIsLoss(lowerIsBetter)
                .putAllTerms(candidate.terms())
                .setBestSoFar(stored.bestSoFar());
        if (withNoise) {
            Noise noise = candidate.noise();
            message.setNoise(Tensors.of(noise == null ? NoiseRecipes.replay(candidate.recipe()) : noise));
        }
        byte[] preview = stored.preview();
        if (withPreview && preview != null) {
            message.setPreviewPng(ByteString.copyFrom(preview));
        }
        if (withMaps) {
            stored.heatMaps().forEach(map -> message.addAttention(heatMap(map)));
        }
        return message.build();
    }

    static dev.prenoise.v1.StopReason stopReason(@Nullable StopReason reason) {
        if (reason == null) {
            return dev.prenoise.v1.StopReason.STOP_REASON_UNSPECIFIED;
        }
        return switch (reason) {
            case BUDGET -> dev.prenoise.v1.StopReason.STOP_REASON_BUDGET;
            case PLATEAU -> dev.prenoise.v1.StopReason.STOP_REASON_PLATEAU;
            case THRESHOLD -> dev.prenoise.v1.StopReason.STOP_REASON_THRESHOLD;
            case CANCELLED -> dev.prenoise.v1.StopReason.STOP_REASON_CANCELLED;
        };
    }

    static dev.prenoise.v1.SearchState state(SearchState state) {
        return switch (state) {
            case RUNNING -> dev.prenoise.v1.SearchState.SEARCH_STATE_RUNNING;
            case DONE -> dev.prenoise.v1.SearchState.SEARCH_STATE_DONE;
            case CANCELLED -> dev.prenoise.v1.SearchState.SEARCH_STATE_CANCELLED;
            case FAILED -> dev.prenoise.v1.SearchState.SEARCH_STATE_FAILED;
            case INTERRUPTED -> dev.prenoise.v1.SearchState.SEARCH_STATE_INTERRUPTED;
        };
    }

    static Duration duration(java.time.Duration duration) {
        return Duration.newBuilder()
                .setSeconds(duration.getSeconds())
                .setNanos(duration.getNano())
                .build();
    }

    private static Subject subject(SubjectSpec subject) {
        return Subject.newBuilder()
                .setText(subject.text())
                .addAllAttributes(subject.attributes())
                .addAllTokenIndices(subject.tokenIndices())
                .build();
    }

    private static dev.prenoise.v1.Budget budget(Budget budget) {
        dev.prenoise.v1.Budget.Builder message = dev.prenoise.v1.Budget.newBuilder()
                .setLossEvaluations(budget.lossEvaluations())
                .setFunctionEvaluations(budget.functionEvaluations())
                .setStopOnPlateau(budget.stopOnPlateau());
        if (!budget.wallTime().isZero()) {
            message.setWallTime(duration(budget.wallTime()));
        }
        return message.build();
    }

    static dev.prenoise.v1.NoiseRecipe recipe(NoiseRecipe recipe) {
        dev.prenoise.v1.NoiseRecipe.Builder message = dev.prenoise.v1.NoiseRecipe.newBuilder()
                .setSeed(recipe.seed())
                .setSource(source(recipe.source()))
                .addAllShape(recipe.shape())
                .addAllSteps(recipe.steps().stream().map(Protos::step).toList());
        if (recipe.baseSha256() != null) {
            message.setBaseSha256(recipe.baseSha256());
        }
        return message.build();
    }

    private static dev.prenoise.v1.NoiseSource source(NoiseSource source) {
        return switch (source) {
            case TORCH_CPU -> dev.prenoise.v1.NoiseSource.NOISE_SOURCE_TORCH_CPU;
            case NV_PHILOX -> dev.prenoise.v1.NoiseSource.NOISE_SOURCE_NV_PHILOX;
        };
    }

    private static dev.prenoise.v1.NoiseStep step(NoiseStep step) {
        dev.prenoise.v1.NoiseStep.Builder message = dev.prenoise.v1.NoiseStep.newBuilder();
        if (step instanceof NoiseStep.Perturbation perturbation) {
            message.setPerturbation(
                    Perturbation.newBuilder().setSeed(perturbation.seed()).setStepSize(perturbation.stepSize()));
        }
        if (step instanceof NoiseStep.Optimization optimization) {
            message.setOptimization(Optimization.newBuilder()
                    .setAlgorithm(optimization.algorithm())
                    .setLossEvaluations(optimization.lossEvaluations()));
        }
        return message.build();
    }

    private static dev.prenoise.v1.HeatMap heatMap(HeatMap map) {
        return dev.prenoise.v1.HeatMap.newBuilder()
                .setSubject(map.subject())
                .setMap(Tensors.of(map.values(), map.rows(), map.columns()))
                .build();
    }

    static FindSubjectsResponse found(String text, List<SubjectLocator.Located> subjects) {
        FindSubjectsResponse.Builder response =
                FindSubjectsResponse.newBuilder().setText(text);
        for (SubjectLocator.Located subject : subjects) {
            response.addSubjects(FoundSubject.newBuilder()
                    .setSubject(Subject.newBuilder().setText(subject.text()).addAllAttributes(subject.attributes()))
                    .addAllWords(subject.words().stream()
                            .map(span -> span(text, span))
                            .toList()));
        }
        return response.build();
    }

    /** Java counts UTF-16 units, the contract code points. */
    private static TextSpan span(String text, Span span) {
        return TextSpan.newBuilder()
                .setStart(text.codePointCount(0, span.start()))
                .setEnd(text.codePointCount(0, span.end()))
                .build();
    }

    // --- columns of the store ---

    /** Recipes and acceptances as the bytes of their messages. */
    public static StoreCodec storeCodec() {
        return new StoreCodec() {
            @Override
            public byte[] encode(NoiseRecipe recipe) {
                return canonical(Protos.recipe(recipe));
            }

            @Override
            public NoiseRecipe recipe(byte[] bytes) {
                try {
                    return Protos.recipe(dev.prenoise.v1.NoiseRecipe.parseFrom(bytes));
                } catch (InvalidProtocolBufferException e) {
                    throw new UncheckedIOException(e);
                }
            }

            @Override
            public byte[] encode(Acceptance acceptance) {
                return canonical(accepted("", acceptance));
            }

            @Override
            public Acceptance acceptance(byte[] bytes) {
                try {
                    Accepted accepted = Accepted.parseFrom(bytes);
                    List<SubjectSpec> subjects = accepted.getSubjectsList().stream()
                            .map(Protos::subject)
                            .toList();
                    return new Acceptance(
                            accepted.getBackbone(),
                            subjects,
                            budget(accepted.getBudget()),
                            accepted.getNoiseShapeList(),
                            accepted.getWarningsList(),
                            accepted.getVerifiersList().stream()
                                    .map(Protos::verifier)
                                    .toList());
                } catch (InvalidProtocolBufferException e) {
                    throw new UncheckedIOException(e);
                }
            }
        };
    }

    /** The same bytes for equal messages, within and across processes. */
    private static byte[] canonical(Message message) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream(message.getSerializedSize());
        CodedOutputStream out = CodedOutputStream.newInstance(bytes);
        out.useDeterministicSerialization();
        try {
            message.writeTo(out);
            out.flush();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return bytes.toByteArray();
    }

    static long[] shape(List<Long> shape) {
        return shape.stream().mapToLong(Long::longValue).toArray();
    }
}
