package dev.prenoise.text;

import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Path;

/** The small tokenizers under {@code src/test/resources/text}. */
final class TestTokenizers {
    private TestTokenizers() {}

    /** Whole words, as the built-in model has them. */
    static Tokenizer shapes() {
        return load("shapes");
    }

    static Tokenizer load(String folder) {
        return Tokenizer.load(resource(folder));
    }

    static Path resource(String name) {
        URL url = TestTokenizers.class.getResource("/text/" + name);
        if (url == null) {
            throw new IllegalArgumentException("no test resource text/" + name);
        }
        try {
            return Path.of(url.toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }
}
