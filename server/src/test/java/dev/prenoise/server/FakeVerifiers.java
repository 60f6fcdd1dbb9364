package dev.prenoise.server;

import dev.prenoise.engine.InvalidFieldException;
import dev.prenoise.engine.VerifierCatalog;
import dev.prenoise.image.Picture;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.Shot;
import dev.prenoise.verifier.Verifier;
import dev.prenoise.verifier.VerifierException;
import dev.prenoise.verifier.VerifierOffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.ToDoubleFunction;

/**
 * Verifiers without a network. "bright" and "dark" disagree about everything, "red" reads the prompt, "picky" cannot judge half of the
 * pictures, "moody" counts in its warning, "far" waits for another machine that answers when {@link #farAnswers}.
 */
public final class FakeVerifiers implements VerifierCatalog {
    /** What "clip" means; changes when the user adds files. */
    public volatile String clip = "red";

    public volatile boolean farAnswers = true;

    /** The question of each judge that was opened, in order. */
    public final List<Question> questions = new CopyOnWriteArrayList<>();

    public final AtomicInteger openJudges = new AtomicInteger();

    /** Parts of work that "sorter" has done, and how many it has to do before its first question. */
    public final AtomicInteger prepared = new AtomicInteger();

    public volatile int toPrepare;

    @Override
    public List<VerifierOffer> list() {
        return List.of(
                offer("bright", false, true).taking(VerifierOffer.Extra.LABEL, VerifierOffer.Extra.INSTRUCTIONS),
                offer("dark", false, true),
                offer("red", true, false),
                offer("picky", false, false),
                offer("moody", false, false),
                offer("far", false, false),
                offer("steady", false, false),
                offer("sorter", true, false).taking(VerifierOffer.Extra.LABEL),
                VerifierOffer.missing("aesthetic-l14", "beauty", "no files: put them into DIR", false, true));
    }

    private VerifierOffer offer(String name, boolean readsPrompt, boolean differentiable) {
        return new VerifierOffer(
                name, name, null, readsPrompt, differentiable, (compute, type) -> new FakeVerifier(name));
    }

    @Override
    public String resolve(String field, String name, String backboneFamily) {
        String meant = name.equals("clip") ? clip : name;
        VerifierOffer offer = list().stream()
                .filter(each -> each.name().equals(meant))
                .findFirst()
                .orElseThrow(
                        () -> new InvalidFieldException(field, "\"" + name + "\" (expected: one of those there are)"));
        if (offer.problem() != null) {
            throw new InvalidFieldException(field, "\"" + name + "\" cannot be used: " + offer.problem());
        }
        return meant;
    }

    @Override
    public Verifier open(String name) {
        return new FakeVerifier(name);
    }

    private final class FakeVerifier implements Verifier {
        private final String name;

        FakeVerifier(String name) {
            this.name = name;
        }

        @Override
        public String name() {
            return name;
        }

        @Override
        public boolean prepare(Question question) {
            return name.equals("sorter") && prepared.get() < toPrepare && prepared.incrementAndGet() < toPrepare;
        }

        @Override
        public Judge judge(Question question) {
            questions.add(question);
            if (question.label().equals("unicorn")) {
                throw new VerifierException("label: \"unicorn\" (expected: one of cat, frog)");
            }
            openJudges.incrementAndGet();
            return switch (name) {
                case "bright", "sorter" -> new FakeJudge(picture -> mean(picture, 0, 1));
                case "dark" -> new FakeJudge(picture -> -mean(picture, 0, 1));
                case "red" ->
                    new FakeJudge(
                            picture -> mean(picture, 0, 3) + question.prompt().length());
                case "picky" ->
                    new FakeJudge(picture -> (picture.rgb()[0] & 1) == 0 ? mean(picture, 1, 3) : Double.NaN);
                case "moody" -> new MoodyJudge();
                case "steady" -> new SteadyJudge();
                default -> new FarJudge();
            };
        }

        @Override
        public void close() {}
    }

    static double mean(Picture picture, int first, int step) {
        double sum = 0;
        int count = 0;
        for (int i = first; i < picture.rgb().length; i += step, count++) {
            sum += picture.rgb()[i] & 0xff;
        }
        return sum / count;
    }

    private class FakeJudge implements Judge {
        private final ToDoubleFunction<Picture> rule;
        private final List<String> warnings = new ArrayList<>();

        FakeJudge(ToDoubleFunction<Picture> rule) {
            this.rule = rule;
        }

        @Override
        public double[] score(List<Shot> shots) {
            double[] scores =
                    shots.stream().map(Shot::picture).mapToDouble(rule).toArray();
            for (double score : scores) {
                if (Double.isNaN(score) && warnings.isEmpty()) {
                    warnings.add("picky: odd pictures are not judged");
                }
            }
            return scores;
        }

        @Override
        public boolean differentiable() {
            return true;
        }

        @Override
        public List<String> warnings() {
            return List.copyOf(warnings);
        }

        @Override
        public void close() {
            openJudges.decrementAndGet();
        }
    }

    private final class MoodyJudge extends FakeJudge {
        private int pictures;

        MoodyJudge() {
            super(picture -> mean(picture, 0, 1));
        }

        @Override
        public double[] score(List<Shot> shots) {
            pictures += shots.size();
            return super.score(shots);
        }

        @Override
        public List<String> warnings() {
            return pictures == 0 ? List.of() : List.of("moody: " + pictures + " pictures were judged in a bad mood");
        }
    }

    /** Reads predictions. */
    private final class SteadyJudge extends FakeJudge {
        SteadyJudge() {
            super(picture -> 0);
        }

        @Override
        public boolean readsPrediction() {
            return true;
        }

        @Override
        public double[] score(List<Shot> shots) {
            return shots.stream()
                    .mapToDouble(shot -> -Math.abs(mean(shot.picture(), 0, 1)
                            - mean(Objects.requireNonNull(shot.prediction(), "asked for"), 0, 1)))
                    .toArray();
        }
    }

    private final class FarJudge extends FakeJudge {
        FarJudge() {
            super(picture -> mean(picture, 2, 3));
        }

        @Override
        public boolean remote() {
            return true;
        }

        @Override
        public double[] score(List<Shot> shots, BooleanSupplier stopped) {
            while (!farAnswers) {
                if (stopped.getAsBoolean()) {
                    throw new CancellationException("stopped while another machine was waited for");
                }
                try {
                    Thread.sleep(2);
                } catch (InterruptedException e) {
                    throw new IllegalStateException(e);
                }
            }
            return score(shots);
        }
    }
}
