package dev.prenoise.study;

import dev.prenoise.engine.ModelCatalog;
import dev.prenoise.shapes.Oracle;
import dev.prenoise.shapes.PromptGoal;
import dev.prenoise.shapes.PromptReading;
import dev.prenoise.shapes.ShapesImage;
import dev.prenoise.shapes.World;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.Shot;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What pictures are judged by; higher is better.
 *
 * @param name a verifier's; with {@value #TEMPLATES} behind it that of a CLIP which reads the prompt through 80 sentences; with
 *     {@value #PARTS} behind either the smallest score over the prompt's parts; or {@value #COMPLETE}
 */
public record Metric(String name) {
    /** 1 where the built-in world's oracle finds everything that the prompt asks for, else 0. */
    static final String COMPLETE = "complete";

    /**
     * The prompt's parts lie between " and ", " with " and commas. Of the published evaluation's prompts these are the two halves; of a prompt
     * with more parts the published one sees two, this all.
     */
    static final String PARTS = ":parts";

    /** How the published evaluation reads prompts, see {@link Question#templates()}; each part by itself. */
    static final String TEMPLATES = ":templates";

    /** The verifier that it asks; "" = none of the catalog. */
    String verifier() {
        return name.equals(COMPLETE) ? "" : without(TEMPLATES, without(PARTS, name));
    }

    private static String without(String end, String name) {
        return name.endsWith(end) ? name.substring(0, name.length() - end.length()) : name;
    }

    boolean ofParts() {
        return name.endsWith(PARTS);
    }

    boolean throughTemplates() {
        return without(PARTS, name).endsWith(TEMPLATES);
    }

    /** Whether it is a share, told in per cent. */
    boolean isShare() {
        return name.equals(COMPLETE);
    }

    Judge judge(ModelCatalog catalog, String prompt) {
        if (name.equals(COMPLETE)) {
            return new CompleteJudge(prompt);
        }
        if (!ofParts()) {
            return ask(catalog, prompt);
        }
        List<Judge> judges = new ArrayList<>();
        for (String part : parts(prompt)) {
            judges.add(ask(catalog, part));
        }
        return new WorstJudge(judges);
    }

    private Judge ask(ModelCatalog catalog, String text) {
        Question question = throughTemplates() ? Question.throughTemplates(text) : Question.of(text);
        return catalog.verifiers().open(verifier()).judge(question);
    }

    static List<String> parts(String prompt) {
        return Arrays.stream(prompt.split(" and | with |,"))
                .map(String::strip)
                .filter(part -> !part.isEmpty())
                .toList();
    }

    /** The smallest score of several questions. */
    private record WorstJudge(List<Judge> judges) implements Judge {
        @Override
        public double[] score(List<Shot> shots) {
            double[] worst = judges.get(0).score(shots);
            for (Judge judge : judges.subList(1, judges.size())) {
                double[] scores = judge.score(shots);
                for (int i = 0; i < worst.length; i++) {
                    // a score that is no number makes the smallest none
                    worst[i] = Math.min(worst[i], scores[i]);
                }
            }
            return worst;
        }

        @Override
        public boolean readsPrediction() {
            return judges.get(0).readsPrediction();
        }

        @Override
        public boolean remote() {
            return judges.get(0).remote();
        }

        @Override
        public List<String> warnings() {
            return judges.stream()
                    .flatMap(judge -> judge.warnings().stream())
                    .distinct()
                    .toList();
        }

        @Override
        public void close() {
            judges.forEach(Judge::close);
        }
    }

    /** {@link #COMPLETE}. */
    static final class CompleteJudge implements Judge {
        private final PromptGoal goal;

        CompleteJudge(String prompt) {
            if (!(PromptGoal.read(prompt) instanceof PromptReading.Understood understood)) {
                throw new IllegalArgumentException(
                        "prompt: \"" + prompt + "\" (expected for the metric complete: one of the built-in world)");
            }
            goal = understood.goal();
        }

        @Override
        public double[] score(List<Shot> shots) {
            return shots.stream().mapToDouble(this::score).toArray();
        }

        private double score(Shot shot) {
            boolean judged =
                    shot.picture().width() == World.SIZE && shot.picture().height() == World.SIZE;
            return !judged
                    ? Double.NaN
                    : Oracle.judge(ShapesImage.ofRgb(shot.picture().rgb()), goal)
                                    .isComplete()
                            ? 1
                            : 0;
        }
    }
}
