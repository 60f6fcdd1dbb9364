package dev.prenoise.attention;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Every gradient against central differences of its loss along random directions. */
class LossGradientTest {
    private static final List<TokenGroup> SUBJECTS =
            List.of(TokenGroup.of(2, 3), TokenGroup.of(6), TokenGroup.of(8, 9, 10));
    private static final double STEP = 1e-6;

    static Stream<Arguments> lossesAndMaps() {
        AttentionMaps square = TestMaps.blobs(1, 16, 16, 77, 12, 2, 3, 6, 8, 9, 10);
        AttentionMaps weak = TestMaps.blobs(2, 7, 7, 13, 1.5, 2, 3, 6, 8, 9, 10);
        AttentionMaps wide = TestMaps.blobs(3, 6, 11, 24, 12, 2, 3, 6, 8, 9, 10);
        AttentionMaps tall = TestMaps.blobs(4, 18, 5, 33, 12, 2, 3, 6, 8, 9, 10);
        AttentionMaps tiny = TestMaps.blobs(5, 2, 3, 13, 12, 2, 3, 6, 8, 9, 10);
        AttentionMaps chunks = TestMaps.blobs(6, 8, 8, 154, 12, 2, 3, 6, 8, 9, 10);
        return Stream.of(square, weak, wide, tall, tiny, chunks).flatMap(maps -> Stream.of(
                        InitNo.of(LossForm.RANKING),
                        InitNo.of(LossForm.PUBLISHED),
                        InitNo.augmented(),
                        SelfCross.of(LossForm.RANKING),
                        SelfCross.of(LossForm.PUBLISHED),
                        SelfCross.optimization(LossForm.RANKING),
                        SelfCross.augmented(),
                        AttendAndExcite.of(LossForm.RANKING),
                        AttendAndExcite.of(LossForm.PUBLISHED).withEndOfTextIndex(11),
                        Conform.of(LossForm.PUBLISHED),
                        Conform.of(LossForm.PUBLISHED)
                                .withPrevious(TestMaps.blobs(
                                        7, maps.rows(), maps.columns(), maps.tokens(), 12, 2, 3, 6, 8, 9, 10)),
                        new Conform(Conform.Pairing.NT_XENT, 0.2, true, false, false, null, 77),
                        new Conform(Conform.Pairing.CONTRASTIVE, 0.5, true, true, false, null, 77))
                .map(loss -> Arguments.of(loss, maps)));
    }

    @ParameterizedTest(name = "{index}")
    @MethodSource("lossesAndMaps")
    void gradient_equalsCentralDifferences(AttentionLoss loss, AttentionMaps maps) {
        assertGradient(loss, loss, maps);
    }

    /** The ranking form holds its previous map constant, so the differences must too. */
    @ParameterizedTest(name = "{0} x {1}")
    @MethodSource("grids")
    void conformRankingGradient_equalsCentralDifferencesWithTheMapHeldAsPrevious(int rows, int columns) {
        AttentionMaps maps = TestMaps.blobs(8, rows, columns, 20, 12, 2, 3, 6, 8, 9, 10);
        assertGradient(
                Conform.of(LossForm.RANKING), Conform.of(LossForm.PUBLISHED).withPrevious(maps), maps);
    }

    static Stream<Arguments> grids() {
        return Stream.of(Arguments.of(16, 16), Arguments.of(5, 9), Arguments.of(2, 2));
    }

    private static void assertGradient(AttentionLoss loss, AttentionLoss differenced, AttentionMaps maps) {
        AttentionMaps gradient = loss.evaluate(maps, SUBJECTS, true).gradient();
        var random = new SplittableRandom(9);
        for (int i = 0; i < 3; i++) {
            double[] crossDirection = direction(random, maps.cross());
            double[] selfDirection = direction(random, maps.self());
            double expected = dot(gradient.cross(), crossDirection)
                    + (gradient.self() == null ? 0 : dot(gradient.self(), selfDirection));
            double difference = (at(differenced, maps, crossDirection, selfDirection, STEP)
                            - at(differenced, maps, crossDirection, selfDirection, -STEP))
                    / (2 * STEP);
            assertThat(expected).isNotZero();
            assertThat(difference)
                    .as("%s at %d x %d x %d", loss, maps.rows(), maps.columns(), maps.tokens())
                    .isCloseTo(expected, Offset.offset(1e-8 + 1e-6 * Math.abs(expected)));
        }
    }

    private static double at(
            AttentionLoss loss, AttentionMaps maps, double[] crossDirection, double[] selfDirection, double step) {
        var moved = new AttentionMaps(
                maps.rows(),
                maps.columns(),
                maps.tokens(),
                move(maps.cross(), crossDirection, step),
                move(maps.self(), selfDirection, step));
        return loss.evaluate(moved, SUBJECTS, false).loss();
    }

    private static double[] move(double[] from, double[] direction, double step) {
        double[] moved = new double[from.length];
        for (int i = 0; i < moved.length; i++) {
            moved[i] = from[i] + step * direction[i];
        }
        return moved;
    }

    /** In proportion to the values: a larger step would carry pairs of small values past each other, where a minimum has its kink. */
    private static double[] direction(SplittableRandom random, double[] values) {
        double[] direction = new double[values.length];
        for (int i = 0; i < direction.length; i++) {
            direction[i] = values[i] * random.nextDouble(-1, 1);
        }
        return direction;
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }
}
