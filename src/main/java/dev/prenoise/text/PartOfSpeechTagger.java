package dev.prenoise.text;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.List;
import opennlp.tools.postag.POSModel;
import opennlp.tools.postag.POSTaggerME;

/**
 * Universal part-of-speech tags (NOUN, ADJ, VERB, ...) by Apache OpenNLP's English model. Thread-safe: the model is shared and read only,
 * the tagger, which is not thread-safe, lives for one call.
 */
final class PartOfSpeechTagger {
    private static final String MODEL = "/opennlp-en-ud-ewt-pos-1.3-2.5.4.bin";

    private PartOfSpeechTagger() {}

    /** One tag for each word. */
    static List<String> tag(List<String> words) {
        return List.of(new POSTaggerME(Model.SHARED).tag(words.toArray(String[]::new)));
    }

    // Loading takes half a second: on first use, once.
    private static final class Model {
        static final POSModel SHARED = load();

        private static POSModel load() {
            try (InputStream stream = Model.class.getResourceAsStream(MODEL)) {
                if (stream == null) {
                    throw new IllegalStateException(
                            MODEL + ": missing from the class path (expected: in opennlp-models-pos-en)");
                }
                return new POSModel(stream);
            } catch (IOException e) {
                throw new UncheckedIOException(MODEL, e);
            }
        }
    }
}
