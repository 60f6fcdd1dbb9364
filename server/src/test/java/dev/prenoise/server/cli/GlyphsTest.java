package dev.prenoise.server.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class GlyphsTest {
    @Test
    void of_everyPrintableCharacter_looksLikeNoOther() {
        Set<String> drawings = new HashSet<>();
        for (char character = ' '; character <= '~'; character++) {
            assertThat(drawings.add(drawing(character))).as("%c", character).isTrue();
        }
        assertThat(drawings).doesNotContain(drawing('\u732b'));
    }

    @Test
    void of_knownLetters_areThemselves() {
        assertThat(drawing('T')).isEqualTo("""
                #####
                ..#..
                ..#..
                ..#..
                ..#..
                ..#..
                ..#..
                .....""");
        assertThat(drawing('g')).endsWith("....#\n.###.");
        assertThat(drawing('~')).contains("#.#.#");
        assertThat(drawing(' ')).doesNotContain("#");
    }

    @Test
    void displayable_dropsAccentsAndLineBreaks() {
        assertThat(Glyphs.displayable("caf\u00e9\n  au lait ")).isEqualTo("cafe au lait");
    }

    @Test
    void widthOf_countsNoGapBehindTheLast() {
        assertThat(Glyphs.widthOf("", 2)).isZero();
        assertThat(Glyphs.widthOf("ab", 2)).isEqualTo(22);
    }

    private static String drawing(char character) {
        return Arrays.stream(Glyphs.of(character))
                .map(row -> IntStream.range(0, row.length)
                        .mapToObj(x -> row[x] ? "#" : ".")
                        .collect(Collectors.joining()))
                .collect(Collectors.joining("\n"));
    }
}
