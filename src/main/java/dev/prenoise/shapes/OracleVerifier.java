package dev.prenoise.shapes;

import dev.prenoise.image.Picture;
import dev.prenoise.verifier.Judge;
import dev.prenoise.verifier.Question;
import dev.prenoise.verifier.Shot;
import dev.prenoise.verifier.Verifier;
import dev.prenoise.verifier.VerifierException;
import dev.prenoise.verifier.VerifierOffer;
import java.util.ArrayList;
import java.util.List;

/** The oracle as a verifier: {@link Verdict#score}, 0 to 1, of pictures that the built-in model drew. */
public final class OracleVerifier implements Verifier {
    /** As requests name it. */
    public static final String NAME = "oracle";

    private OracleVerifier() {}

    /** It needs no files. */
    public static VerifierOffer offer() {
        return new VerifierOffer(
                NAME,
                "whether a picture of the built-in world shows what the prompt asks for, counted exactly; 0 to 1",
                null,
                true,
                false,
                (compute, type) -> new OracleVerifier());
    }

    @Override
    public String name() {
        return NAME;
    }

    /**
     * @throws VerifierException when the prompt means nothing in this world; names the word
     */
    @Override
    public Judge judge(Question question) {
        PromptReading reading = PromptGoal.read(question.prompt());
        if (reading instanceof PromptReading.NotUnderstood unclear) {
            throw new VerifierException(
                    "prompt.text: " + unclear.message().replaceFirst("^prompt: ", "") + ", for the verifier " + NAME);
        }
        return new OracleJudge(((PromptReading.Understood) reading).goal());
    }

    @Override
    public void close() {}

    private static final class OracleJudge implements Judge {
        private final PromptGoal goal;
        private final List<String> warnings = new ArrayList<>();

        OracleJudge(PromptGoal goal) {
            this.goal = goal;
        }

        @Override
        public double[] score(List<Shot> shots) {
            return shots.stream().map(Shot::picture).mapToDouble(this::score).toArray();
        }

        private double score(Picture picture) {
            if (picture.width() == World.SIZE && picture.height() == World.SIZE) {
                return Oracle.judge(ShapesImage.ofRgb(picture.rgb()), goal).score();
            }
            String warning = NAME + ": pictures of " + picture.width() + " x " + picture.height()
                    + " pixels are not judged (expected: " + World.SIZE + " x " + World.SIZE + ")";
            if (!warnings.contains(warning)) {
                warnings.add(warning);
            }
            return Double.NaN;
        }

        @Override
        public List<String> warnings() {
            return List.copyOf(warnings);
        }
    }
}
