package dev.prenoise.shapes;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class WorldTest {
    @Test
    void vocabulary_equalsTheTokenizers() throws IOException {
        JsonObject vocabulary;
        try (Reader in =
                new InputStreamReader(ShapesModel.SHAPES.open("tokenizer/tokenizer.json"), StandardCharsets.UTF_8)) {
            vocabulary = JsonParser.parseReader(in)
                    .getAsJsonObject()
                    .getAsJsonObject("model")
                    .getAsJsonObject("vocab");
        }

        assertThat(vocabulary.size()).isEqualTo(World.VOCABULARY.size() + 1);
        for (String word : World.VOCABULARY) {
            assertThat(vocabulary.get(word).getAsInt()).as(word).isEqualTo(World.VOCABULARY.indexOf(word));
        }
    }

    @Test
    void image_toBytesAndBack_keepsEveryByte() {
        byte[] rgb = new byte[64 * 64 * 3];
        for (int i = 0; i < rgb.length; i++) {
            rgb[i] = (byte) (i * 31);
        }

        assertThat(ShapesImage.ofRgb(rgb).toRgb()).isEqualTo(rgb);
    }

    @Test
    void image_beyondTheRange_isCutOff() {
        float[] values = new float[3 * 64 * 64];
        values[0] = 1.3f;
        values[64 * 64] = -1.3f;

        assertThat(new ShapesImage(values).toRgb()).startsWith((byte) 255, (byte) 0, (byte) 128);
    }
}
