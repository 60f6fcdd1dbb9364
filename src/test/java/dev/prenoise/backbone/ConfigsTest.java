package dev.prenoise.backbone;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import dev.prenoise.backbone.unet.UNetConfig;
import dev.prenoise.backbone.vae.VaeConfig;
import dev.prenoise.text.ClipTextConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigsTest {
    private static final Path FOLDER = Path.of("test/resources/backbone/tiny_sd2");

    @TempDir
    Path folder;

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "block_out_channels | [] | [] (expected: 1 to 16 levels, each of 1 to 65536)",
                "block_out_channels | [8, 70000] | [8,70000] (expected: 1 to 16 levels, each of 1 to 65536)",
                "transformer_layers_per_block | 2000000000 | 2000000000 (expected: for each level with attention a number of 1 to 64, or one for each of its 1 layers)",
                "layers_per_block | 2000000000 | 2000000000 (expected: 1 to 32)",
                "only_cross_attention | true | true (expected: false)",
                "dual_cross_attention | true | true (expected: false)",
                "time_cond_proj_dim | 256 | 256 (expected: null)",
                "resnet_time_scale_shift | \"scale_shift\" | \"scale_shift\" (expected: default)",
                "addition_embed_type | \"image\" | \"image\" (expected: text_time or null)",
                "class_embed_type | \"timestep\" | \"timestep\" (expected: null)",
                "mid_block_type | \"Mid\" | \"Mid\" (expected: UNetMidBlock2DCrossAttn, UNetMidBlock2D or null)"
            })
    void readUNet_ofOneThatIsNotBuilt_namesFileAndKey(String key, String value, String message) throws IOException {
        Path file = changed("unet", key, JsonParser.parseString(value));
        assertThatThrownBy(() -> UNetConfig.read(file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(file + ": " + key + ": " + message);
    }

    @Test
    void readUNet_ofAMiddleTooDeep_namesFileAndKey() throws IOException {
        Path file = changed(
                "unet", "down_block_types", JsonParser.parseString("[\"CrossAttnDownBlock2D\", \"DownBlock2D\"]"));
        JsonObject json = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
        json.add("up_block_types", JsonParser.parseString("[\"UpBlock2D\", \"CrossAttnUpBlock2D\"]"));
        json.add("transformer_layers_per_block", JsonParser.parseString("[1, 2000000000]"));
        Files.writeString(file, json.toString());
        assertThatThrownBy(() -> UNetConfig.read(file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(file + ": transformer_layers_per_block: [1,2000000000]"
                        + " (expected: a last number of 1 to 64: the middle block's)");
    }

    @ParameterizedTest
    @CsvSource({"layers_per_block, 2000000000, 1 to 32", "layers_per_block, 0, 1 to 32"})
    void readVae_ofOneThatIsNotBuilt_namesFileAndKey(String key, int value, String expected) throws IOException {
        Path file = changed("vae", key, new JsonPrimitive(value));
        assertThatThrownBy(() -> VaeConfig.read(file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(file + ": " + key + ": " + value + " (expected: " + expected + ")");
    }

    @ParameterizedTest
    @CsvSource({
        "num_hidden_layers, 2000000000, 1 to 256",
        "num_attention_heads, 0, 'a divisor of hidden_size, 512'",
        "num_attention_heads, 7, 'a divisor of hidden_size, 512'"
    })
    void readText_ofOneThatIsNotBuilt_namesFileAndKey(String key, int value, String expected) throws IOException {
        Path file = Files.writeString(folder.resolve("config.json"), "{\"" + key + "\": " + value + "}");
        assertThatThrownBy(() -> ClipTextConfig.read(file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(file + ": " + key + ": " + value + " (expected: " + expected + ")");
    }

    @Test
    void readVae_withoutLevels_namesFileAndKey() throws IOException {
        Path file = changed("vae", "block_out_channels", JsonParser.parseString("[]"));
        assertThatThrownBy(() -> VaeConfig.read(file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(file + ": block_out_channels: [] (expected: 1 to 16 levels)");
    }

    @Test
    void readUNet_ofStableDiffusion2sWords_takesHeadsByLevel() {
        assertThat(UNetConfig.read(FOLDER.resolve("unet/config.json")).levels())
                .containsExactly(UNetConfig.Level.even(8, 2, 2, 1), UNetConfig.Level.even(16, 4, 2, 1));
    }

    private Path changed(String network, String key, JsonElement value) throws IOException {
        JsonObject json = JsonParser.parseString(
                        Files.readString(FOLDER.resolve(network).resolve("config.json")))
                .getAsJsonObject();
        json.add(key, value);
        return Files.writeString(folder.resolve("config.json"), json.toString());
    }
}
