package dev.prenoise.text;

import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code <lora:name:0.8>} and its like: files that a prompt names in passing. */
final class ExtraNetworks {
    // As A1111's modules/extra_networks.py finds them.
    private static final Pattern NAMED = Pattern.compile("<(\\w+):([^>]+)>");
    private static final List<String> LORA = List.of("lora", "lyco", "locon", "loha");

    private ExtraNetworks() {}

    /**
     * A search on the model without its LoRA would find noise for another picture, so this is no matter for a warning.
     *
     * @throws PromptException when the prompt names a LoRA
     */
    static void refuseLora(String prompt) {
        Matcher named = NAMED.matcher(prompt);
        while (named.find()) {
            if (LORA.contains(named.group(1))) {
                throw new PromptException(
                        "\"" + named.group()
                                + "\" (expected: a prompt without it; name LoRA files in the field \"lora\", on the command line with --lora)");
            }
        }
    }

    /** Without any: they are no words. */
    static String without(String prompt) {
        return NAMED.matcher(prompt).replaceAll("");
    }

    /** Without those that are no LoRA, which A1111 takes out of the text too. */
    static String remove(String prompt, List<String> warnings) {
        Matcher named = NAMED.matcher(prompt);
        while (named.find()) {
            warnings.add("\"" + named.group() + "\" is left out: networks of that kind are not read here");
        }
        return named.replaceAll("");
    }
}
