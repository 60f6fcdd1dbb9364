package dev.prenoise.engine;

import dev.prenoise.image.Picture;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.Shot;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Pictures scored per second. Pictures are computed by a rule, so that another program can do the same work. */
public final class VerifierBenchmark {
    private static final int SIDE = 512;
    private static final String PROMPT = "a red cat and a blue dog";

    private VerifierBenchmark() {}

    /**
     * Scores a batch of decoded pictures of 512 x 512 for each line of the input, from their bytes to their scores, and answers with a line of
     * JSON. A first line says that everything is loaded.
     *
     * @param verifier that can be used
     * @param batch pictures at once, at least 1
     */
    public static void answer(BufferedReader in, PrintStream out, VerifierCatalog catalog, String verifier, int batch)
            throws IOException {
        List<Shot> shots = IntStream.range(0, batch)
                .mapToObj(index -> new Shot(picture(index), null))
                .toList();
        try (Judge judge = catalog.open(verifier).judge(Question.of(PROMPT))) {
            judge.score(shots.subList(0, 1));
            out.println("{\"ready\": true}");
            out.flush();
            while (in.readLine() != null) {
                double[] scores = judge.score(shots);
                String list = Arrays.stream(scores).mapToObj(Double::toString).collect(Collectors.joining(", "));
                out.println("{\"scores\": [" + list + "]}");
                out.flush();
            }
        }
    }

    /** Waves of another length and direction in each channel and picture. */
    private static Picture picture(int index) {
        byte[] rgb = new byte[SIDE * SIDE * 3];
        int at = 0;
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                for (int c = 0; c < 3; c++) {
                    rgb[at++] = (byte) (x * (1 + index) + y * (3 + 2 * c) + c * 70 + x * y / 90);
                }
            }
        }
        return new Picture(SIDE, SIDE, rgb);
    }
}
