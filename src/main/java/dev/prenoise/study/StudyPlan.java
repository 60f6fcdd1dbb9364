package dev.prenoise.study;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.search.InitNoParameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What is to be measured: every strategy on every prompt of every suite with every backbone, from every seed, up to the largest budget.
 *
 * @param budgets rising; what N counts stands in {@link Strategy.Count}
 * @param seeds from which every prompt is searched
 * @param metrics what pictures are judged by; the first is the one that curves begin with
 * @param seedsPerUnit how many seeds one unit of work carries
 * @param shown prompts of each suite whose pictures go to the contact sheets
 * @param pictures which candidates of losses are drawn
 * @param plateau thresholds at which the product's rule for stopping early is judged
 * @param basis what stands behind the names, see {@link #on}
 */
public record StudyPlan(
        String title,
        List<StudySuite> suites,
        List<BackboneSetting> backbones,
        List<Strategy> strategies,
        List<Integer> budgets,
        StudySeeds seeds,
        List<Metric> metrics,
        int seedsPerUnit,
        int shown,
        Pictures pictures,
        List<Double> plateau,
        Basis basis) {
    /** Which candidates of losses are drawn and judged; strategies by verifiers draw all, as they choose by pictures. */
    public enum Pictures {
        /** All, so that one run yields every smaller budget. */
        ALL,
        /** Those that were the best when they came; then N counts the first N, where else values are expectations over all. */
        WINNERS,
        /** None: what is measured is time and memory alone. */
        NONE
    }

    public StudyPlan {
        suites = List.copyOf(suites);
        backbones = List.copyOf(backbones);
        strategies = List.copyOf(strategies);
        budgets = List.copyOf(budgets);
        metrics = List.copyOf(metrics);
        plateau = List.copyOf(plateau);
    }

    /**
     * The plan on these models: its units are others wherever weights, precision, device, a remote verifier's address or the version are.
     *
     * @param version of the program that computes it
     */
    public StudyPlan on(ModelCatalog catalog, String version) throws InterruptedException {
        return on(catalog, version, Basis.device(catalog));
    }

    /**
     * The plan on these models where another machine computes with the same files.
     *
     * @param device that machine's, as {@link dev.prenoise.tensor.Compute#nameOf} has it
     */
    public StudyPlan on(ModelCatalog catalog, String version, String device) throws InterruptedException {
        return new StudyPlan(
                title,
                suites,
                backbones,
                strategies,
                budgets,
                seeds,
                metrics,
                seedsPerUnit,
                shown,
                pictures,
                plateau,
                Basis.of(backbones.stream().map(BackboneSetting::id).toList(), metrics, catalog, version, device));
    }

    /**
     * The plan with some of its strategies and backbones alone. Its units are those that the whole plan has of them.
     *
     * @param strategyNames each a name or several with commas between, none = all; so are the backbones'
     * @throws IllegalArgumentException when there is none of a name; lists those that there are
     */
    public StudyPlan only(List<String> strategyNames, List<String> backboneNames) {
        return new StudyPlan(
                title,
                suites,
                NamedPart.of("--backbones", backboneNames, backbones, BackboneSetting::name),
                NamedPart.of("--strategies", strategyNames, strategies, Strategy::name),
                budgets,
                seeds,
                metrics,
                seedsPerUnit,
                shown,
                pictures,
                plateau,
                basis);
    }

    /** The same work has the same name: the first half of what the ids of its units come to in SHA-256. */
    public String digest() {
        StringBuilder ids = new StringBuilder();
        units().forEach(unit -> ids.append(unit.id()).append('\n'));
        return Unit.digest(ids.toString());
    }

    /** The largest budget: how many candidates are evaluated. */
    int candidates() {
        return budgets.get(budgets.size() - 1);
    }

    /** A prompt's seeds, cut into those of one unit each. */
    List<List<Long>> seedRanges(StudyPrompt prompt) {
        List<Long> seeds = this.seeds.of(prompt);
        List<List<Long>> ranges = new ArrayList<>();
        for (int from = 0; from < seeds.size(); from += seedsPerUnit) {
            ranges.add(seeds.subList(from, Math.min(seeds.size(), from + seedsPerUnit)));
        }
        return ranges;
    }

    /** All work, prompt by prompt and the suites in turn, so that a study that is stopped early has seen something of everything. */
    List<Unit> units() {
        List<Unit> units = new ArrayList<>();
        int longest =
                suites.stream().mapToInt(suite -> suite.prompts().size()).max().orElse(0);
        for (int i = 0; i < longest; i++) {
            for (StudySuite suite : suites) {
                if (i < suite.prompts().size()) {
                    for (BackboneSetting backbone : backbones) {
                        units.addAll(units(backbone, suite.prompts().get(i), i));
                    }
                }
            }
        }
        return units;
    }

    private List<Unit> units(BackboneSetting backbone, StudyPrompt prompt, int index) {
        List<Unit> units = new ArrayList<>();
        for (List<Long> range : seedRanges(prompt)) {
            Unit pictures = unit(backbone, prompt, index, Strategy.PICTURES, range);
            if (sharesPictures() && !winnersOnly()) {
                units.add(pictures);
            }
            strategies.stream()
                    .filter(strategy -> strategy.kind() != Strategy.Kind.FOLLOW)
                    .forEach(strategy -> units.add(unit(backbone, prompt, index, strategy, range)));
            if (winnersOnly()) {
                // last, as whoever ranks has drawn the plain seed's picture
                units.add(pictures);
            }
        }
        return units;
    }

    /** Whether of losses' candidates only those are judged that were the best when they came. */
    boolean winnersOnly() {
        return pictures == Pictures.WINNERS;
    }

    /** Whether there are pictures that all share: those of losses' candidates, or what verifiers choose among. */
    boolean sharesPictures() {
        return pictures != Pictures.NONE
                || strategies.stream().anyMatch(strategy -> strategy.kind().count() == Strategy.Count.PICTURES);
    }

    /** Whether the strategy's candidates are judged by its own unit. */
    private boolean judges(Strategy strategy) {
        return switch (strategy.kind()) {
            case RANK -> winnersOnly();
            case OPTIMIZE -> pictures != Pictures.NONE;
            default -> true;
        };
    }

    /**
     * @param index of the prompt in its suite
     */
    Unit unit(BackboneSetting backbone, StudyPrompt prompt, int index, Strategy strategy, List<Long> range) {
        boolean shared = strategy.kind() == Strategy.Kind.PICTURES;
        List<String> judging =
                judges(strategy) ? metrics.stream().map(Metric::name).toList() : List.of();
        // searches that walk on are the same work either way
        boolean other = winnersOnly() && !strategy.kind().sequential();
        return new Unit(
                backbone.withoutName(),
                prompt,
                strategy.withoutName(),
                shared && winnersOnly() ? 1 : candidates(),
                range,
                judging,
                index < shown && range.get(0).equals(seeds.of(prompt).get(0)),
                basis.behind(backbone, judging),
                other ? Unit.WINNERS : null,
                strategy.kind() == Strategy.Kind.OPTIMIZE ? rests() : null);
    }

    /** What the budgets leave for a last start behind as many whole ones as they pay for; one evaluation alone is the plain noise everywhere. */
    private @Nullable List<Integer> rests() {
        List<Integer> rests = budgets.stream()
                .filter(n -> n > 1)
                .map(n -> n % InitNoParameters.DEFAULT.maxStep())
                .filter(rest -> rest > 0)
                .distinct()
                .sorted()
                .toList();
        return rests.isEmpty() ? null : rests;
    }

    /**
     * Sizes at which exact expectations are shown: the budgets and, so that curves are smooth and plateaus found, steps of a tenth between.
     */
    List<Integer> sizes() {
        Set<Integer> sizes = new TreeSet<>(budgets);
        for (int n = 1; n <= candidates(); n = Math.max(n + 1, n + n / 10)) {
            sizes.add(n);
        }
        return List.copyOf(sizes);
    }

    /** Prompts in all suites together. */
    int prompts() {
        return IntStream.range(0, suites.size())
                .map(i -> suites.get(i).prompts().size())
                .sum();
    }
}
