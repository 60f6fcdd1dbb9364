package dev.prenoise.server.cli;

import dev.prenoise.v1.AttentionLoss;
import dev.prenoise.v1.LossForm;
import dev.prenoise.v1.OptimizeNoiseRequest;
import dev.prenoise.v1.SearchAlgorithm;
import dev.prenoise.v1.Verifier;
import dev.prenoise.v1.VerifierSearch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;
import picocli.CommandLine.TypeConversionException;

/** Search by what verifiers say of pictures: what {@code optimize} does where one of --search, --verifier and --screen is given. */
final class PictureSearchOptions {
    /** Whose verifier suits the backbone. */
    private static final String DEFAULT_VERIFIER = "clip";

    static final String GRADER = "llm";
    private static final int SCREENED = 64;
    private static final int DRAWN = 16;
    private static final Pattern WEIGHTED = Pattern.compile("(.+?)(?::(\\d+\\.?\\d*|\\.\\d+))?");
    private static final Pattern PATHS = Pattern.compile("(\\d{1,6})x(\\d{1,6})");

    @Option(
            names = "--search",
            paramLabel = "ALGORITHM",
            completionCandidates = AlgorithmNames.class,
            converter = AlgorithmConverter.class,
            description = "How noise is proposed: ${COMPLETION-CANDIDATES}. Default: random.")
    private @Nullable SearchAlgorithm search;

    @Option(
            names = "--verifier",
            paramLabel = "NAME[:WEIGHT]",
            description =
                    "Who judges the pictures, such as oracle, clip or aesthetic; may be given again, then candidates are ranked by their mean "
                            + "rank. Default: clip.")
    private List<String> verifiers = new ArrayList<>();

    @Option(
            names = "--screen",
            paramLabel = "LOSS",
            completionCandidates = OptimizeCommand.LossNames.class,
            converter = OptimizeCommand.LossConverter.class,
            description = "First rank many noises by this attention loss, then judge pictures of the best: "
                    + "${COMPLETION-CANDIDATES}.")
    private @Nullable AttentionLoss screen;

    @Option(names = "--keep", paramLabel = "K", description = "How many screened noises go on. Default: 8.")
    private int keep;

    @Option(
            names = "--nfe",
            paramLabel = "N",
            description = "The budget in function evaluations, in place of -n pictures.")
    private int functionEvaluations;

    @Option(names = "--neighbors", paramLabel = "N", description = "zero-order: noises tried in a round. Default: 2.")
    private int neighbors;

    @Option(
            names = "--cosine",
            paramLabel = "C",
            description = "zero-order: of the angle between a noise and its neighbours. Default: 0.95.")
    private @Nullable Double cosine;

    @Option(
            names = "--step-size",
            paramLabel = "T",
            description = "The tangent of that angle, in place of --cosine; of first-order's first step. Default: 0.1.")
    private double stepSize;

    @Option(
            names = "--last-steps",
            paramLabel = "K",
            description = "first-order: follow the gradient through the last K sampling steps alone. Default: all.")
    private int lastSteps;

    @Option(
            names = "--restart-after",
            paramLabel = "M",
            description = "zero-order: start afresh after M rounds without a better noise. Default: never.")
    private int restartAfter;

    @Option(names = "--paths", paramLabel = "NxM", description = "paths: N paths, M noises on each. Default: 2x2.")
    private String paths = "";

    @Option(
            names = "--search-steps",
            paramLabel = "STEPS",
            description = "Sampling steps of the pictures that are judged. Default: as many as the final picture's.")
    private int steps;

    @Option(
            names = "--class",
            paramLabel = "LABEL",
            description = "The class that a classifier looks for, by name or number. Default: found in the prompt.")
    private String label = "";

    @Option(
            names = "--instructions",
            paramLabel = "FILE",
            description = "What --verifier llm shall look for, in place of the usual.")
    private @Nullable Path instructions;

    /**
     * Whether pictures are judged at all.
     *
     * @throws CliException when an option is given that says how, and none that says so
     */
    boolean asked() {
        boolean asked = search != null || !verifiers.isEmpty() || screen != null;
        String stray = firstDetail();
        if (!asked && stray != null) {
            throw new CliException(stray + ": without --search, --verifier or --screen (expected: with one of them)");
        }
        if (keep != 0 && screen == null) {
            throw new CliException("--keep: without --screen (expected: with the loss that picks)");
        }
        return asked;
    }

    private @Nullable String firstDetail() {
        if (functionEvaluations != 0) {
            return "--nfe";
        }
        if (neighbors != 0) {
            return "--neighbors";
        }
        if (cosine != null) {
            return "--cosine";
        }
        if (stepSize != 0) {
            return "--step-size";
        }
        if (lastSteps != 0) {
            return "--last-steps";
        }
        if (restartAfter != 0) {
            return "--restart-after";
        }
        if (!paths.isEmpty()) {
            return "--paths";
        }
        if (steps != 0) {
            return "--search-steps";
        }
        if (!label.isEmpty()) {
            return "--class";
        }
        return instructions == null ? null : "--instructions";
    }

    /**
     * Hands {@code --class} to the verifiers that take one.
     *
     * @param request that {@link #apply} has filled
     * @throws CliException when none does
     */
    void applyClass(Service service, OptimizeNoiseRequest.Builder request) {
        VerifierSearch.Builder search = screen == null
                ? request.getVerifierBuilder()
                : request.getCascadeBuilder().getVerifyBuilder();
        ClassLabel.apply(service, label, search.getVerifiersBuilderList());
    }

    /**
     * Sets strategy and budget.
     *
     * @param candidates pictures, or noises to be screened; null = the usual number
     * @throws CliException when an option cannot be used
     */
    void apply(OptimizeNoiseRequest.Builder request, @Nullable Integer candidates, LossForm form) {
        if (screen == null) {
            request.setVerifier(verifierSearch());
        } else {
            request.getCascadeBuilder().setKeep(keep).setVerify(verifierSearch());
            request.getCascadeBuilder().getScreenBuilder().setLoss(screen).setForm(form);
            request.getBudgetBuilder().setLossEvaluations(candidates == null ? SCREENED : candidates);
        }
        request.getBudgetBuilder().setFunctionEvaluations(functionEvaluations);
        if (screen == null && functionEvaluations == 0) {
            request.getBudgetBuilder().setPictures(candidates == null ? DRAWN : candidates);
        }
    }

    private VerifierSearch verifierSearch() {
        SearchAlgorithm algorithm = search == null ? SearchAlgorithm.SEARCH_ALGORITHM_RANDOM : search;
        VerifierSearch.Builder builder = VerifierSearch.newBuilder()
                .setAlgorithm(algorithm)
                .setNeighbors(neighbors)
                .setRestartAfter(restartAfter)
                .setSteps(steps);
        for (String verifier : verifiers.isEmpty() ? List.of(DEFAULT_VERIFIER) : verifiers) {
            builder.addVerifiers(verifier(verifier));
        }
        double tangent = tangent();
        if (lastSteps != 0 && algorithm != SearchAlgorithm.SEARCH_ALGORITHM_FIRST_ORDER) {
            throw new CliException("--last-steps: without --search first-order (expected: with it)");
        }
        if (algorithm == SearchAlgorithm.SEARCH_ALGORITHM_FIRST_ORDER) {
            builder.getFirstOrderBuilder().setStepSize(tangent).setLastSteps(lastSteps);
        } else {
            builder.setStepSize(tangent);
        }
        if (!paths.isEmpty()) {
            Matcher numbers = PATHS.matcher(paths);
            if (!numbers.matches()) {
                throw new CliException("--paths: " + paths + " (expected: NxM, such as 2x2)");
            }
            builder.getPathsBuilder()
                    .setInitialPaths(Integer.parseInt(numbers.group(1)))
                    .setWidth(Integer.parseInt(numbers.group(2)));
        }
        if (instructions != null
                && builder.getVerifiersList().stream()
                        .noneMatch(each -> each.getName().equals(GRADER))) {
            throw new CliException("--instructions: without --verifier " + GRADER + " (expected: with it)");
        }
        return builder.build();
    }

    private double tangent() {
        if (cosine == null) {
            return stepSize;
        }
        if (stepSize != 0) {
            throw new CliException("--cosine: with --step-size (expected: one of them)");
        }
        if (!(cosine > 0 && cosine < 1)) {
            throw new CliException("--cosine: " + cosine + " (expected: between 0 and 1)");
        }
        return Math.sqrt(1 / (cosine * cosine) - 1);
    }

    private Verifier verifier(String text) {
        Matcher parts = WEIGHTED.matcher(text);
        if (!parts.matches()) {
            throw new CliException("--verifier: \"" + text + "\" (expected: NAME, or NAME:WEIGHT such as clip:2)");
        }
        Verifier.Builder verifier = Verifier.newBuilder().setName(parts.group(1));
        if (parts.group(2) != null) {
            verifier.setWeight(Double.parseDouble(parts.group(2)));
        }
        if (verifier.getName().equals(GRADER) && instructions != null) {
            verifier.setInstructions(text(instructions));
        }
        return verifier.build();
    }

    static String text(Path file) {
        try {
            return Files.readString(file).strip();
        } catch (IOException e) {
            throw new CliException("--instructions: " + file + " (expected: a readable text file in UTF-8): " + e, e);
        }
    }

    static final class AlgorithmNames implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return WireNames.all(SearchAlgorithm.class).iterator();
        }
    }

    static final class AlgorithmConverter implements ITypeConverter<SearchAlgorithm> {
        @Override
        public SearchAlgorithm convert(String value) {
            try {
                return WireNames.parse(SearchAlgorithm.class, value.toLowerCase(Locale.ROOT));
            } catch (IllegalArgumentException e) {
                throw new TypeConversionException(e.getMessage());
            }
        }
    }
}
