package dev.prenoise.study;

import dev.prenoise.attention.AttentionLosses;
import dev.prenoise.attention.LossForm;
import dev.prenoise.diffusion.Samplers;
import dev.prenoise.search.PlateauRule;
import dev.prenoise.shapes.OracleVerifier;
import dev.prenoise.shapes.ShapesModel;
import dev.prenoise.shapes.ShapesVerifiers;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Reads a {@link StudyPlan} from YAML, strictly: docs/study.md says what may stand where. */
public final class StudyFile {
    private static final Logger LOG = LoggerFactory.getLogger(StudyFile.class);

    private static final int MOST = 100_000;

    /** Studies that come with the program. */
    private static final List<String> SHIPPED = List.of(
            "first-study",
            "choi-shapes",
            "choi-shapes-own-seeds",
            "choi-shapes-steps",
            "ma-shapes",
            "cost-shapes",
            "choi-sd15",
            "cost-sd15");

    private static final Set<String> KEYS = Set.of(
            "title",
            "suites",
            "backbones",
            "strategies",
            "budgets",
            "seeds",
            "metrics",
            "pictures",
            "seeds_per_unit",
            "sheet_prompts",
            "plateau");

    /** The product's default between half and twice as much. */
    private static final List<Double> PLATEAU = List.of(
            PlateauRule.DEFAULT.threshold() / 2, PlateauRule.DEFAULT.threshold(), PlateauRule.DEFAULT.threshold() * 2);

    /** What judges pictures of the built-in model where a study does not say. */
    private static final List<Metric> USUAL = List.of(
            new Metric(Metric.COMPLETE),
            new Metric(OracleVerifier.NAME),
            new Metric(ShapesVerifiers.CLIP),
            new Metric(ShapesVerifiers.CLIP + Metric.PARTS),
            new Metric(ShapesVerifiers.AESTHETIC));

    private final String name;
    private final Path folder;
    private final Map<String, YamlValue> fields;
    private final YamlValue root;

    private StudyFile(String name, String text, Path folder) {
        this.name = name;
        this.folder = folder;
        this.root = YamlValue.read(name, text);
        this.fields = root.fields(KEYS);
    }

    /** Names of studies that come with the program. */
    public static List<String> shipped() {
        return SHIPPED;
    }

    /** The text of one of those. */
    public static String shippedText(String name) {
        try (InputStream in = StudyFile.class.getResourceAsStream(name + ".yaml")) {
            if (in == null) {
                throw new IllegalArgumentException(
                        "study: " + name + " (expected: one of " + String.join(", ", SHIPPED) + ")");
            }
            return new String(in.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new IllegalStateException("study: " + name + ": cannot be read", e);
        }
    }

    /**
     * @param study a file, or the name of a study that comes with the program where there is no such file
     * @throws IllegalArgumentException when it cannot be used; names the file, the line, the key and what was expected
     */
    public static StudyPlan read(String study) {
        Path file = Path.of(study);
        if (!Files.exists(file) && SHIPPED.contains(study)) {
            return new StudyFile(study + ".yaml", shippedText(study), Path.of("")).plan();
        }
        try {
            Path parent = file.getParent();
            return new StudyFile(study, Files.readString(file), parent == null ? Path.of("") : parent).plan();
        } catch (IOException e) {
            throw new IllegalArgumentException(
                    "study: " + study + " (expected: a readable YAML file, or one of " + String.join(", ", SHIPPED)
                            + ")",
                    e);
        }
    }

    private StudyPlan plan() {
        List<BackboneSetting> backbones = fields.containsKey("backbones")
                ? root.required(fields, "backbones").list(this::backbone)
                : List.of(builtIn(ShapesModel.ID));
        List<StudySuite> suites = root.required(fields, "suites").list(this::suite);
        List<Strategy> strategies = root.required(fields, "strategies").list(this::strategy);
        requireDistinct("suites", suites.stream().map(StudySuite::name).toList());
        requireDistinct(
                "backbones", backbones.stream().map(BackboneSetting::name).toList());
        requireDistinct("strategies", strategies.stream().map(Strategy::name).toList());
        List<Integer> budgets = budgets();
        YamlValue perUnit = fields.get("seeds_per_unit");
        YamlValue shown = fields.get("sheet_prompts");
        StudyPlan.Pictures pictures = pictures();
        boolean drawn = pictures != StudyPlan.Pictures.NONE;
        YamlValue plateau = fields.get("plateau");
        StudyPlan plan = new StudyPlan(
                oneLine(root.required(fields, "title")),
                distinctPrompts(suites),
                backbones,
                strategies,
                budgets,
                seeds(),
                drawn ? metrics(backbones) : followed(strategies),
                perUnit == null ? 1 : perUnit.integer(1, MOST),
                shown == null ? drawn ? 4 : 0 : shown.integer(0, drawn ? 100 : 0),
                pictures,
                plateau == null ? PLATEAU : plateau.distinct(each -> each.number(1e-6, 1)),
                Basis.NONE);
        requirePrompts(plan);
        requireMetrics(plan);
        requireDrawn(plan);
        return plan;
    }

    private IllegalArgumentException wrong(String key, String message) {
        YamlValue value = fields.get(key);
        return value == null
                ? new IllegalArgumentException(name + ": " + key + ": " + message)
                : value.failed(message, null);
    }

    private void requireDistinct(String key, List<String> names) {
        for (int i = 0; i < names.size(); i++) {
            if (names.indexOf(names.get(i)) != i) {
                throw wrong(key, "two are called \"" + names.get(i) + "\" (expected: each its own name)");
            }
        }
    }

    /** A prompt that an earlier suite has is left out of a later one: two of the same would count twice in every mean. */
    private List<StudySuite> distinctPrompts(List<StudySuite> suites) {
        Set<String> seen = new HashSet<>();
        List<StudySuite> distinct = new ArrayList<>();
        for (StudySuite suite : suites) {
            List<StudyPrompt> own = suite.prompts().stream()
                    .filter(prompt -> !seen.contains(prompt.text()))
                    .toList();
            if (own.isEmpty()) {
                throw wrong("suites", suite.name() + " has no prompt that others have not (expected: one at least)");
            }
            if (own.size() < suite.prompts().size()) {
                LOG.warn(
                        "{}: suites: {} of {} prompts of {} left out, as suites before it have them",
                        name,
                        suite.prompts().size() - own.size(),
                        suite.prompts().size(),
                        suite.name());
            }
            own.forEach(prompt -> seen.add(prompt.text()));
            distinct.add(new StudySuite(suite.name(), own));
        }
        return distinct;
    }

    /** A mean over one prompt has no interval. */
    private void requirePrompts(StudyPlan plan) {
        if (plan.prompts() < 2 && plan.pictures() != StudyPlan.Pictures.NONE) {
            throw wrong("suites", "1 prompt (expected: at least 2 in all)");
        }
    }

    private void requireMetrics(StudyPlan plan) {
        List<String> judged = plan.metrics().stream().map(Metric::name).toList();
        for (Strategy strategy : plan.strategies()) {
            for (String verifier : strategy.verifiers()) {
                if (!judged.contains(verifier)) {
                    throw wrong(
                            "strategies",
                            strategy.name() + " follows " + verifier
                                    + ", which is no metric (expected: it among metrics, " + String.join(", ", judged)
                                    + ")");
                }
            }
        }
    }

    private void requireDrawn(StudyPlan plan) {
        for (Strategy strategy : plan.strategies()) {
            if (plan.winnersOnly() && strategy.kind() == Strategy.Kind.FOLLOW) {
                throw wrong(
                        "pictures",
                        "winners beside the strategy " + strategy.name()
                                + ", which has to see every candidate's picture to pick one (expected: all, or no random search by"
                                + " verifiers)");
            }
        }
    }

    // ---- suites ----

    private StudySuite suite(YamlValue value) {
        if (value.isText()) {
            return ShippedSuites.get(value.oneOf(ShippedSuites.names()), 0, 1);
        }
        Map<String, YamlValue> given = value.fields(Set.of("suite", "file", "prompts", "seed", "name", "category"));
        if (given.containsKey("suite") == given.containsKey("file")) {
            throw value.wrong("one of suite and file");
        }
        long seed = given.containsKey("seed") ? given.get("seed").seed() : 1;
        return given.containsKey("suite") ? shipped(value, given, seed) : own(value, given, seed);
    }

    private static StudySuite shipped(YamlValue value, Map<String, YamlValue> given, long seed) {
        if (given.containsKey("category")) {
            throw given.get("category").wrong("none, but of a file");
        }
        String suite = value.required(given, "suite").oneOf(ShippedSuites.names());
        StudySuite found = ShippedSuites.get(suite, count(given, ShippedSuites.size(suite)), seed);
        return new StudySuite(named(given, suite), found.prompts());
    }

    private StudySuite own(YamlValue value, Map<String, YamlValue> given, long seed) {
        String file = value.required(given, "file").text();
        YamlValue category = given.get("category");
        List<StudyPrompt> prompts;
        try {
            prompts = SuiteFile.read(folder.resolve(file), category == null ? "" : category.text());
        } catch (IllegalArgumentException e) {
            throw value.failed(String.valueOf(e.getMessage()), e);
        }
        List<StudyPrompt> chosen = ShippedSuites.chosen(prompts, count(given, prompts.size()), seed);
        return new StudySuite(named(given, category == null ? file : category.text()), chosen);
    }

    private static int count(Map<String, YamlValue> given, int most) {
        YamlValue prompts = given.get("prompts");
        return prompts == null ? 0 : prompts.integer(1, most);
    }

    private static String named(Map<String, YamlValue> given, String otherwise) {
        YamlValue name = given.get("name");
        return name == null ? otherwise : oneLine(name);
    }

    /** What heads a table, or stands in one. */
    private static String oneLine(YamlValue value) {
        return value.text().strip().replaceAll("\\s+", " ");
    }

    // ---- backbones ----

    private static BackboneSetting builtIn(String id) {
        return new BackboneSetting(id, id, "", "", "", 0, 0, 0, 0);
    }

    private BackboneSetting backbone(YamlValue value) {
        if (value.isText()) {
            return builtIn(value.text());
        }
        Map<String, YamlValue> given = value.fields(
                Set.of("id", "name", "negative", "sampler", "schedule", "steps", "guidance", "width", "height"));
        String id = value.required(given, "id").text();
        return new BackboneSetting(
                named(given, id),
                id,
                text(given, "negative"),
                given.containsKey("sampler") ? given.get("sampler").oneOf(Samplers.names()) : "",
                text(given, "schedule"),
                integer(given, "steps", 1, 10_000),
                given.containsKey("guidance") ? given.get("guidance").number(1e-6, 1000) : 0,
                integer(given, "width", 8, 1 << 14),
                integer(given, "height", 8, 1 << 14));
    }

    private static String text(Map<String, YamlValue> given, String key) {
        YamlValue value = given.get(key);
        return value == null ? "" : value.text();
    }

    private static int integer(Map<String, YamlValue> given, String key, int low, int high) {
        YamlValue value = given.get(key);
        return value == null ? 0 : value.integer(low, high);
    }

    // ---- strategies ----

    private Strategy strategy(YamlValue value) {
        if (value.isText()) {
            String loss = value.oneOf(AttentionLosses.names());
            return new Strategy(loss, Strategy.Kind.RANK, loss, LossForm.RANKING, List.of());
        }
        Map<String, YamlValue> given =
                value.fields(Set.of("name", "loss", "form", "optimize", "search", "verifier", "verifiers"));
        if (given.containsKey("loss")) {
            refuse(given, "with a loss", "search", "verifier", "verifiers");
            return byLoss(value, given);
        }
        refuse(given, "with a verifier", "form", "optimize");
        return byVerifiers(value, given);
    }

    private static void refuse(Map<String, YamlValue> given, String where, String... keys) {
        for (String key : keys) {
            YamlValue value = given.get(key);
            if (value != null) {
                throw value.wrong("none " + where);
            }
        }
    }

    private static Strategy byLoss(YamlValue value, Map<String, YamlValue> given) {
        String loss = value.required(given, "loss").oneOf(AttentionLosses.names());
        YamlValue optimize = given.get("optimize");
        YamlValue form = given.get("form");
        boolean published =
                form != null && form.oneOf(List.of("ranking", "published")).equals("published");
        boolean steps = optimize != null && optimize.flag();
        return new Strategy(
                named(given, loss + (steps ? ", optimized" : "") + (published ? ", published form" : "")),
                steps ? Strategy.Kind.OPTIMIZE : Strategy.Kind.RANK,
                loss,
                published ? LossForm.PUBLISHED : LossForm.RANKING,
                List.of());
    }

    private static Strategy byVerifiers(YamlValue value, Map<String, YamlValue> given) {
        if (given.containsKey("verifier") == given.containsKey("verifiers")) {
            throw value.wrong("one of loss, verifier and verifiers");
        }
        List<String> verifiers = given.containsKey("verifier")
                ? List.of(value.required(given, "verifier").text())
                : value.required(given, "verifiers").distinct(YamlValue::text);
        Strategy.Kind kind = Strategy.Kind.FOLLOW;
        YamlValue search = given.get("search");
        if (search != null) {
            Predicate<Strategy.Kind> searches = each -> !each.search().isEmpty();
            List<Strategy.Kind> kinds =
                    Arrays.stream(Strategy.Kind.values()).filter(searches).toList();
            String asked =
                    search.oneOf(kinds.stream().map(Strategy.Kind::search).toList());
            kind = kinds.stream()
                    .filter(each -> each.search().equals(asked))
                    .findFirst()
                    .orElseThrow();
        }
        return new Strategy(
                named(given, kind.search() + " by " + String.join(" + ", verifiers)),
                kind,
                "",
                LossForm.RANKING,
                verifiers);
    }

    // ---- numbers ----

    private List<Integer> budgets() {
        YamlValue value = root.required(fields, "budgets");
        List<Integer> budgets = value.list(each -> each.integer(1, MOST));
        for (int i = 1; i < budgets.size(); i++) {
            if (budgets.get(i) <= budgets.get(i - 1)) {
                throw value.failed(budgets + " (expected: rising)", null);
            }
        }
        return budgets;
    }

    private StudySeeds seeds() {
        YamlValue value = root.required(fields, "seeds");
        if (!value.isMapping()) {
            return StudySeeds.shared(seeds(value));
        }
        Map<String, YamlValue> given = value.fields(Set.of("seeds", "per_prompt"));
        YamlValue perPrompt = given.get("per_prompt");
        return new StudySeeds(seeds(value.required(given, "seeds")), perPrompt != null && perPrompt.flag());
    }

    private static List<Long> seeds(YamlValue value) {
        if (value.isList()) {
            return value.distinct(YamlValue::seed);
        }
        return LongStream.rangeClosed(1, value.integer(1, MOST)).boxed().toList();
    }

    private StudyPlan.Pictures pictures() {
        YamlValue value = fields.get("pictures");
        List<StudyPlan.Pictures> all = List.of(StudyPlan.Pictures.values());
        List<String> names =
                all.stream().map(each -> each.name().toLowerCase(Locale.ROOT)).toList();
        return value == null ? StudyPlan.Pictures.ALL : all.get(names.indexOf(value.oneOf(names)));
    }

    /** What verifiers' strategies cannot do without. */
    private List<Metric> followed(List<Strategy> strategies) {
        YamlValue value = fields.get("metrics");
        if (value != null) {
            throw value.wrong("no metrics with pictures: none");
        }
        return strategies.stream()
                .flatMap(strategy -> strategy.verifiers().stream())
                .distinct()
                .map(Metric::new)
                .toList();
    }

    private List<Metric> metrics(List<BackboneSetting> backbones) {
        @Nullable YamlValue value = fields.get("metrics");
        if (value != null) {
            return value.distinct(each -> new Metric(each.text()));
        }
        if (backbones.stream().anyMatch(backbone -> ShapesModel.of(backbone.id()) == null)) {
            throw new IllegalArgumentException(
                    name + ": no \"metrics\" (expected: some, such as clip-l14, where a backbone is not built in)");
        }
        return USUAL;
    }
}
