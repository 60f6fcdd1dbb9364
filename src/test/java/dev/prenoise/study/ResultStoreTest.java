package dev.prenoise.study;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

class ResultStoreTest {
    @TempDir
    private Path folder;

    private static String line(String unit) {
        return new UnitResult(unit, "1", 2.5, 3, List.of(), Map.of(), null, 8).toJson() + "\n";
    }

    private static List<String> warned(Path file) throws IOException {
        Logger logger = (Logger) LoggerFactory.getLogger(ResultStore.class);
        ListAppender<ILoggingEvent> log = new ListAppender<>();
        log.start();
        logger.addAppender(log);
        try (ResultStore store = ResultStore.open(file)) {
            assertThat(store.get("b")).isEqualTo(UnitResult.ofJson(line("b")));
        } finally {
            logger.detachAppender(log);
        }
        return log.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
    }

    @Test
    void open_linesOfAnotherForm_passesOverThemWithAWarningAndKeepsThem() throws Exception {
        String others = "{\"unit\":\"x\",\"version\":\"0\"}\n"
                + "{\"unit\":\"y\",\"version\":\"0\",\"rows\":\"none\",\"pictures\":{}}\n"
                + "{\"version\":\"0\",\"rows\":[],\"pictures\":{}}\n";
        Path file = Files.writeString(folder.resolve("rows.jsonl"), line("a") + others + line("b") + "{\"unit\":\"cut");

        assertThat(warned(file))
                .containsExactly(
                        file + ":2: a result of another version's form, passed over",
                        file + ":3: a result of another version's form, passed over",
                        file + ":4: a result of another version's form, passed over");
        // but for the last line, which a stop had cut off
        assertThat(file).content().isEqualTo(line("a") + others + line("b"));
    }

    @Test
    void open_lineThatIsNoJson_isAnErrorThatNamesIt() throws Exception {
        Path file = Files.writeString(folder.resolve("rows.jsonl"), line("a") + "nothing\n");

        assertThatThrownBy(() -> ResultStore.open(file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(file + ":2: (expected: a unit's result in JSON)");
    }

    @Test
    void open_resultWithoutABatch_isThatOfAnOlderVersion() throws Exception {
        Path file = Files.writeString(
                folder.resolve("rows.jsonl"),
                line("b")
                        + "{\"unit\":\"old\",\"version\":\"0\",\"seconds\":1.0,\"memory\":2,\"rows\":[],\"pictures\":{}}\n");

        try (ResultStore store = ResultStore.open(file)) {
            assertThat(store.get("old")).isEqualTo(new UnitResult("old", "0", 1, 2, List.of(), Map.of(), null));
            assertThat(store.get("b")).isNotNull().extracting(UnitResult::batch).isEqualTo(8);
        }
    }
}
