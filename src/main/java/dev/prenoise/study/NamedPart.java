package dev.prenoise.study;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;

/** Some of many, by names that may hold commas themselves, such as {@code initno, optimized}. */
final class NamedPart {
    private NamedPart() {}

    /**
     * @param option named by messages
     * @param given each a name or several with commas between: of what stands there the longest name counts; none = all
     * @return in the order of {@code all}
     * @throws IllegalArgumentException when there is none of a name; lists those that there are
     */
    static <T> List<T> of(String option, List<String> given, List<T> all, Function<T, String> name) {
        if (given.isEmpty()) {
            return all;
        }
        List<String> known = all.stream().map(each -> plain(name.apply(each))).toList();
        Set<Integer> chosen = new LinkedHashSet<>();
        for (String text : given) {
            List<String> words = Arrays.asList(plain(text).split(", ", -1));
            for (int from = 0; from < words.size(); ) {
                int to = words.size();
                while (to > from && !known.contains(joined(words, from, to))) {
                    to--;
                }
                if (to == from) {
                    throw new IllegalArgumentException(option + ": \"" + words.get(from) + "\" (expected: of "
                            + all.stream()
                                    .map(name)
                                    .map(each -> '"' + each + '"')
                                    .collect(Collectors.joining(", "))
                            + ")");
                }
                chosen.add(known.indexOf(joined(words, from, to)));
                from = to;
            }
        }
        List<T> part = new ArrayList<>();
        chosen.stream().sorted().forEach(i -> part.add(all.get(i)));
        return part;
    }

    private static String joined(List<String> words, int from, int to) {
        return String.join(", ", words.subList(from, to));
    }

    /** With one way to write a comma. */
    private static String plain(String name) {
        return name.strip().replaceAll("\\s*,\\s*", ", ");
    }
}
