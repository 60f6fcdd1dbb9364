package dev.prenoise.study;

import dev.prenoise.noise.Noise;
import dev.prenoise.noise.SeededNoise;
import dev.prenoise.search.Evaluation;
import dev.prenoise.search.PathEvaluator;
import dev.prenoise.search.PathPoint;
import dev.prenoise.search.Ranking;
import dev.prenoise.search.Spend;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A study's pictures as a search sees them that follows some of the verifiers; what the others say comes along as terms. */
final class FollowedVerifiers implements PathEvaluator {
    private final SideBySide others;
    private final PathEvaluator drawing;
    private final Remembered pictures;
    private final PathEvaluator own;
    private final List<String> followed;
    private final Ranking ranking;

    /**
     * @param others searches whose pictures are drawn together with this one's
     * @param drawing with every verifier on its panel
     * @param pictures that it has drawn
     * @param own with a panel of those that are followed alone: gives gradients, draws nothing else
     * @param followed of the panel; of several the mean rank counts
     */
    FollowedVerifiers(
            SideBySide others, PathEvaluator drawing, Remembered pictures, PathEvaluator own, List<String> followed) {
        this.others = others;
        this.drawing = drawing;
        this.pictures = pictures;
        this.own = own;
        this.followed = List.copyOf(followed);
        if (followed.size() == 1) {
            ranking = Ranking.byScore(false);
        } else {
            Map<String, Double> weights = new LinkedHashMap<>();
            followed.forEach(name -> weights.put(name, 1.0));
            ranking = Ranking.ensemble(weights);
        }
    }

    private record Noising(PathPoint point, long seed) {}

    @Override
    public int maxBatch() {
        return drawing.maxBatch();
    }

    @Override
    public boolean lowerIsBetter() {
        return false;
    }

    @Override
    public boolean differentiable() {
        return own.differentiable();
    }

    @Override
    public Spend cost() {
        return own.cost();
    }

    @Override
    public Spend gradientCost() {
        return own.gradientCost();
    }

    @Override
    public Ranking ranking() {
        return ranking;
    }

    @Override
    public List<Evaluation> evaluate(List<Noise> noises) {
        return evaluateSeeded(SeededNoise.unseeded(noises));
    }

    @Override
    public List<Evaluation> evaluateSeeded(List<SeededNoise> noises) {
        return others.ask("pictures", noises, pictures::evaluate).stream()
                .map(this::own)
                .toList();
    }

    @Override
    public List<Evaluation> evaluateWithGradient(List<Noise> noises) {
        return evaluateSeededWithGradient(SeededNoise.unseeded(noises));
    }

    /** Scores are those of the picture as it is drawn, like everyone's; the gradient is the verifiers' own. */
    @Override
    public List<Evaluation> evaluateSeededWithGradient(List<SeededNoise> noises) {
        List<Evaluation> gradients = others.ask(own, noises, own::evaluateSeededWithGradient);
        List<Evaluation> scores = evaluateSeeded(noises);
        List<Evaluation> both = new ArrayList<>();
        for (int i = 0; i < scores.size(); i++) {
            both.add(new Evaluation(
                    scores.get(i).score(),
                    scores.get(i).terms(),
                    gradients.get(i).gradient()));
        }
        return both;
    }

    private Evaluation own(Evaluation all) {
        double score = followed.size() == 1 ? all.terms().getOrDefault(followed.get(0), Double.NaN) : 0;
        return new Evaluation(score, all.terms(), null);
    }

    @Override
    public List<Double> levels() {
        return drawing.levels();
    }

    @Override
    public Spend callCost() {
        return drawing.callCost();
    }

    @Override
    public List<PathPoint> walk(List<PathPoint> points, int level) {
        return others.ask("walk to " + level, points, all -> drawing.walk(all, level));
    }

    @Override
    public List<PathPoint> addNoise(List<PathPoint> points, int level, List<Long> seeds) {
        List<Noising> noisings = new ArrayList<>();
        for (int i = 0; i < points.size(); i++) {
            noisings.add(new Noising(points.get(i), seeds.get(i)));
        }
        return others.ask(
                "noise to " + level,
                noisings,
                all -> drawing.addNoise(
                        all.stream().map(Noising::point).toList(),
                        level,
                        all.stream().map(Noising::seed).toList()));
    }

    @Override
    public List<Evaluation> look(List<PathPoint> points) {
        return others.ask("look", points, drawing::look).stream().map(this::own).toList();
    }

    @Override
    public List<Noise> back(List<PathPoint> points) {
        return others.ask("back", points, drawing::back);
    }

    @Override
    public int backCalls() {
        return drawing.backCalls();
    }
}
