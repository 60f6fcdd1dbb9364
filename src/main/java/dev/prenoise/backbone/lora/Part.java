package dev.prenoise.backbone.lora;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** One tensor of the several that together change a module, and the endings that keys have for it in the various formats. */
enum Part {
    DOWN(
            ".lora_down.weight",
            ".lora_A.weight",
            ".lora_A.default.weight",
            "_lora.down.weight",
            ".lora.down.weight",
            ".lora_linear_layer.down.weight"),
    UP(
            ".lora_up.weight",
            ".lora_B.weight",
            ".lora_B.default.weight",
            "_lora.up.weight",
            ".lora.up.weight",
            ".lora_linear_layer.up.weight"),
    MID(".lora_mid.weight"),
    HADA_W1_A(".hada_w1_a"),
    HADA_W1_B(".hada_w1_b"),
    HADA_W2_A(".hada_w2_a"),
    HADA_W2_B(".hada_w2_b"),
    HADA_T1(".hada_t1"),
    HADA_T2(".hada_t2"),
    LOKR_W1(".lokr_w1"),
    LOKR_W1_A(".lokr_w1_a"),
    LOKR_W1_B(".lokr_w1_b"),
    LOKR_W2(".lokr_w2"),
    LOKR_W2_A(".lokr_w2_a"),
    LOKR_W2_B(".lokr_w2_b"),
    LOKR_T2(".lokr_t2"),
    DIFF(".diff", ".w_norm"),
    DIFF_BIAS(".diff_b", ".b_norm"),
    ALPHA(".alpha"),
    DORA_SCALE(".dora_scale");

    private final List<String> endings;

    Part(String... endings) {
        this.endings = List.of(endings);
    }

    /** Where a key splits into a module's name and the part's ending. */
    record Split(String module, Part part) {}

    static @Nullable Split split(String key) {
        for (Part part : values()) {
            for (String ending : part.endings) {
                if (key.length() > ending.length() && key.endsWith(ending)) {
                    return new Split(key.substring(0, key.length() - ending.length()), part);
                }
            }
        }
        return null;
    }
}
