package dev.prenoise.server.cli;

import com.google.protobuf.ProtocolMessageEnum;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The contract's enum values as people type them: {@code ATTENTION_LOSS_SELF_CROSS} is {@code self-cross}. */
final class WireNames {
    private WireNames() {}

    static <E extends Enum<E> & ProtocolMessageEnum> String of(E value) {
        return value.name()
                .substring(prefix(value.getDeclaringClass()).length())
                .toLowerCase(Locale.ROOT)
                .replace('_', '-');
    }

    /** Every name but "unspecified", in the contract's order. */
    static <E extends Enum<E> & ProtocolMessageEnum> List<String> all(Class<E> type) {
        return Arrays.stream(type.getEnumConstants())
                .filter(value -> !value.name().equals("UNRECOGNIZED"))
                .map(WireNames::of)
                .filter(name -> !name.equals("unspecified"))
                .toList();
    }

    /**
     * @throws IllegalArgumentException when there is none of that name; lists those there are
     */
    static <E extends Enum<E> & ProtocolMessageEnum> E parse(Class<E> type, String name) {
        if (!all(type).contains(name)) {
            throw new IllegalArgumentException(
                    "\"" + name + "\" (expected: one of " + String.join(", ", all(type)) + ")");
        }
        return Enum.valueOf(type, prefix(type) + name.toUpperCase(Locale.ROOT).replace('-', '_'));
    }

    /** {@code AttentionLoss} to {@code ATTENTION_LOSS_}. */
    private static String prefix(Class<?> type) {
        return type.getSimpleName().replaceAll("(?<=[a-z])(?=[A-Z])", "_").toUpperCase(Locale.ROOT) + "_";
    }
}
