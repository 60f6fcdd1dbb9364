package dev.prenoise.backbone.lora;

import dev.prenoise.tensor.Compute;
import dev.prenoise.tensor.Tensor;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a file's tensors say should be added to a weight {@code [out, in]} or {@code [out, in, k, k]}. Formulas and the rank by which alpha is
 * divided as in LyCORIS's {@code functional} package and ComfyUI's {@code weight_adapter}.
 */
sealed interface Delta {
    /** Of alpha / rank; 0 where alpha does not count. */
    long rank();

    /** Whether it has as many elements in each row as the weight, and as many rows. */
    boolean fits(List<Long> weight);

    /** Its own shape, for a message. */
    String shape();

    /** {@code [out, in * k * k]}, float32, in the innermost scope. */
    Tensor compute(Compute compute);

    Set<Part> LOW_RANK = EnumSet.of(Part.DOWN, Part.UP, Part.MID);
    Set<Part> HADAMARD = EnumSet.range(Part.HADA_W1_A, Part.HADA_T2);
    Set<Part> KRONECKER = EnumSet.range(Part.LOKR_W1, Part.LOKR_T2);
    Set<Part> DIFFERENCE = EnumSet.of(Part.DIFF);

    /**
     * @return null when the parts say nothing about the weight
     * @throws LoraException when parts are missing, are of several formats or do not fit each other
     */
    static @Nullable Delta of(Parts parts) {
        Delta found = null;
        Part first = null;
        for (Set<Part> format : List.of(LOW_RANK, HADAMARD, KRONECKER, DIFFERENCE)) {
            Part part = parts.keys().keySet().stream()
                    .filter(format::contains)
                    .findFirst()
                    .orElse(null);
            if (part == null) {
                continue;
            }
            if (first != null) {
                throw parts.wrong(
                        part, "is of another format than \"" + parts.keys().get(first) + "\" beside it");
            }
            first = part;
            found = switch (part) {
                case DOWN, UP, MID -> LowRank.of(parts, part);
                case DIFF -> Difference.of(parts);
                case HADA_W1_A, HADA_W1_B, HADA_W2_A, HADA_W2_B, HADA_T1, HADA_T2 -> Hadamard.of(parts, part);
                default -> Kronecker.of(parts, part);
            };
        }
        return found;
    }

    /** Up {@code [out, r]} times down {@code [r, in * k * k]}; or, with a middle, up, middle {@code [m, n, k, k]} and down {@code [n, in]}. */
    record LowRank(Parts parts) implements Delta {
        static LowRank of(Parts parts, Part because) {
            parts.require(Part.UP, because);
            parts.require(Part.DOWN, because);
            if (parts.has(Part.MID)) {
                requireTucker(parts, Part.MID, Part.UP, 1, Part.DOWN);
            } else {
                parts.requireProduct(Part.UP, Part.DOWN);
            }
            return new LowRank(parts);
        }

        @Override
        public long rank() {
            return parts.rows(Part.DOWN);
        }

        @Override
        public boolean fits(List<Long> weight) {
            return parts.rows(Part.UP) == weight.get(0)
                    && (parts.has(Part.MID)
                            ? fitsTucker(parts, Part.MID, parts.columns(Part.DOWN), weight)
                            : parts.columns(Part.DOWN) == Parts.size(weight, 1));
        }

        @Override
        public String shape() {
            return parts.has(Part.MID)
                    ? tuckerShape(parts, Part.MID, parts.rows(Part.UP), parts.columns(Part.DOWN))
                    : "[" + parts.rows(Part.UP) + ", " + parts.columns(Part.DOWN) + "]";
        }

        @Override
        public Tensor compute(Compute compute) {
            try (Tensor up = parts.load(Part.UP, compute);
                    Tensor down = parts.load(Part.DOWN, compute)) {
                Tensor left = up.reshape(up.size(0), -1);
                Tensor right = down.reshape(down.size(0), -1);
                return parts.has(Part.MID) ? tucker(parts, Part.MID, left, right) : left.matmul(right);
            }
        }
    }

    /** The element-wise product of two products (Hyeon-Woo et al. 2022, LyCORIS's LoHa). */
    record Hadamard(Parts parts) implements Delta {
        static Hadamard of(Parts parts, Part because) {
            for (Part part : EnumSet.range(Part.HADA_W1_A, Part.HADA_W2_B)) {
                parts.require(part, because);
            }
            boolean tucker = parts.has(Part.HADA_T1) || parts.has(Part.HADA_T2);
            if (tucker) {
                parts.require(Part.HADA_T1, because);
                parts.require(Part.HADA_T2, because);
                requireTucker(parts, Part.HADA_T1, Part.HADA_W1_A, 0, Part.HADA_W1_B);
                requireTucker(parts, Part.HADA_T2, Part.HADA_W2_A, 0, Part.HADA_W2_B);
            } else {
                parts.requireProduct(Part.HADA_W1_A, Part.HADA_W1_B);
                parts.requireProduct(Part.HADA_W2_A, Part.HADA_W2_B);
            }
            Hadamard made = new Hadamard(parts);
            if (made.rows(Part.HADA_W1_A) != made.rows(Part.HADA_W2_A)
                    || parts.columns(Part.HADA_W1_B) != parts.columns(Part.HADA_W2_B)
                    || tucker
                            && !parts.shape(Part.HADA_T1)
                                    .subList(2, parts.shape(Part.HADA_T1).size())
                                    .equals(parts.shape(Part.HADA_T2)
                                            .subList(
                                                    2, parts.shape(Part.HADA_T2).size()))) {
                throw parts.wrong(
                        Part.HADA_W2_A,
                        "the two factors differ in size (expected: both " + made.shape() + ", the first one's size)");
            }
            return made;
        }

        private long rows(Part a) {
            return parts.has(Part.HADA_T1) ? parts.columns(a) : parts.rows(a);
        }

        @Override
        public long rank() {
            return parts.rows(Part.HADA_W1_B);
        }

        @Override
        public boolean fits(List<Long> weight) {
            return rows(Part.HADA_W1_A) == weight.get(0)
                    && (parts.has(Part.HADA_T1)
                            ? fitsTucker(parts, Part.HADA_T1, parts.columns(Part.HADA_W1_B), weight)
                            : parts.columns(Part.HADA_W1_B) == Parts.size(weight, 1));
        }

        @Override
        public String shape() {
            return parts.has(Part.HADA_T1)
                    ? tuckerShape(parts, Part.HADA_T1, rows(Part.HADA_W1_A), parts.columns(Part.HADA_W1_B))
                    : "[" + rows(Part.HADA_W1_A) + ", " + parts.columns(Part.HADA_W1_B) + "]";
        }

        @Override
        public Tensor compute(Compute compute) {
            return factor(compute, Part.HADA_W1_A, Part.HADA_W1_B, Part.HADA_T1)
                    .mul(factor(compute, Part.HADA_W2_A, Part.HADA_W2_B, Part.HADA_T2));
        }

        private Tensor factor(Compute compute, Part a, Part b, Part core) {
            try (Tensor left = parts.load(a, compute);
                    Tensor right = parts.load(b, compute)) {
                return parts.has(core)
                        ? tucker(parts, core, left.transpose(0, 1), right)
                        : left.reshape(left.size(0), -1).matmul(right.reshape(right.size(0), -1));
            }
        }
    }

    /** The Kronecker product of a small and a larger matrix, each whole or itself a product (LyCORIS's LoKr). */
    record Kronecker(Parts parts) implements Delta {
        static Kronecker of(Parts parts, Part because) {
            for (Part[] factor : new Part[][] {
                {Part.LOKR_W1, Part.LOKR_W1_A, Part.LOKR_W1_B}, {Part.LOKR_W2, Part.LOKR_W2_A, Part.LOKR_W2_B}
            }) {
                if (parts.has(factor[0])) {
                    parts.requireDimensions(factor[0], 2);
                    continue;
                }
                parts.require(factor[1], because);
                parts.require(factor[2], because);
                if (factor[0] == Part.LOKR_W2 && parts.has(Part.LOKR_T2)) {
                    requireTucker(parts, Part.LOKR_T2, Part.LOKR_W2_A, 0, Part.LOKR_W2_B);
                } else {
                    parts.requireProduct(factor[1], factor[2]);
                }
            }
            return new Kronecker(parts);
        }

        private boolean hasCore() {
            return !parts.has(Part.LOKR_W2) && parts.has(Part.LOKR_T2);
        }

        private long out() {
            long first = parts.rows(parts.has(Part.LOKR_W1) ? Part.LOKR_W1 : Part.LOKR_W1_A);
            long second = parts.has(Part.LOKR_W2)
                    ? parts.rows(Part.LOKR_W2)
                    : hasCore() ? parts.columns(Part.LOKR_W2_A) : parts.rows(Part.LOKR_W2_A);
            return first * second;
        }

        private long in() {
            long first = parts.columns(parts.has(Part.LOKR_W1) ? Part.LOKR_W1 : Part.LOKR_W1_B);
            long second = parts.columns(parts.has(Part.LOKR_W2) ? Part.LOKR_W2 : Part.LOKR_W2_B);
            return first * second;
        }

        /** The larger factor's where both are products, as in ComfyUI; two whole factors know no alpha. */
        @Override
        public long rank() {
            return !parts.has(Part.LOKR_W2)
                    ? parts.rows(Part.LOKR_W2_B)
                    : !parts.has(Part.LOKR_W1) ? parts.rows(Part.LOKR_W1_B) : 0;
        }

        @Override
        public boolean fits(List<Long> weight) {
            return out() == weight.get(0)
                    && (hasCore() ? fitsTucker(parts, Part.LOKR_T2, in(), weight) : in() == Parts.size(weight, 1));
        }

        @Override
        public String shape() {
            return hasCore() ? tuckerShape(parts, Part.LOKR_T2, out(), in()) : "[" + out() + ", " + in() + "]";
        }

        @Override
        public Tensor compute(Compute compute) {
            Tensor small = factor(compute, Part.LOKR_W1, Part.LOKR_W1_A, Part.LOKR_W1_B, false);
            Tensor large = factor(compute, Part.LOKR_W2, Part.LOKR_W2_A, Part.LOKR_W2_B, hasCore());
            return small.reshape(small.size(0), 1, small.size(1), 1)
                    .mul(large.reshape(1, large.size(0), 1, large.size(1)))
                    .reshape(small.size(0) * large.size(0), -1);
        }

        private Tensor factor(Compute compute, Part whole, Part a, Part b, boolean tucker) {
            if (parts.has(whole)) {
                try (Tensor values = parts.load(whole, compute)) {
                    // a copy, so that nothing hangs on what is closed here
                    return values.reshape(values.size(0), -1).mul(1);
                }
            }
            try (Tensor left = parts.load(a, compute);
                    Tensor right = parts.load(b, compute)) {
                return tucker
                        ? tucker(parts, Part.LOKR_T2, left.transpose(0, 1), right)
                        : left.reshape(left.size(0), -1).matmul(right.reshape(right.size(0), -1));
            }
        }
    }

    /** The difference itself, which alpha does not scale. */
    record Difference(Parts parts, Part part) implements Delta {
        static Difference of(Parts parts) {
            parts.requireDimensions(Part.DIFF, 1);
            return new Difference(parts, Part.DIFF);
        }

        static @Nullable Difference ofBias(Parts parts) {
            if (!parts.has(Part.DIFF_BIAS)) {
                return null;
            }
            parts.requireDimensions(Part.DIFF_BIAS, 1);
            return new Difference(parts, Part.DIFF_BIAS);
        }

        @Override
        public long rank() {
            return 0;
        }

        @Override
        public boolean fits(List<Long> weight) {
            return parts.rows(part) == weight.get(0) && parts.columns(part) == Parts.size(weight, 1);
        }

        @Override
        public String shape() {
            return parts.shape(part).toString();
        }

        @Override
        public Tensor compute(Compute compute) {
            try (Tensor values = parts.load(part, compute)) {
                return values.reshape(values.size(0), -1).mul(1);
            }
        }
    }

    private static void requireTucker(Parts parts, Part core, Part left, int rankAt, Part right) {
        parts.requireDimensions(core, 3);
        parts.requireDimensions(left, 2);
        parts.requireDimensions(right, 2);
        List<Long> shape = parts.shape(core);
        long leftRank = rankAt == 0 ? parts.rows(left) : parts.columns(left);
        if (shape.get(0) != leftRank || shape.get(1) != parts.rows(right)) {
            throw parts.wrong(
                    core,
                    "shape " + shape + " (expected: [" + leftRank + ", " + parts.rows(right)
                            + ", ..] to go with its partners)");
        }
    }

    private static boolean fitsTucker(Parts parts, Part core, long in, List<Long> weight) {
        return weight.size() > 1 && in == weight.get(1) && Parts.size(parts.shape(core), 2) == Parts.size(weight, 2);
    }

    private static String tuckerShape(Parts parts, Part core, long out, long in) {
        List<Long> shape = parts.shape(core);
        return "[" + out + ", " + in + ", "
                + shape.subList(2, shape.size()).toString().substring(1);
    }

    /** {@code left [out, m]}, core {@code [m, n, k..]} and {@code right [n, in]} to {@code [out, in * k..]}. */
    private static Tensor tucker(Parts parts, Part core, Tensor left, Tensor right) {
        try (Tensor middle = parts.load(core, left.compute())) {
            long m = middle.size(0);
            long n = middle.size(1);
            long out = left.size(0);
            Tensor byKernel = middle.reshape(m, n, -1).transpose(1, 2);
            return left.matmul(byKernel.matmul(right).reshape(m, -1))
                    .reshape(out, byKernel.size(1), -1)
                    .transpose(1, 2)
                    .reshape(out, -1);
        }
    }
}
