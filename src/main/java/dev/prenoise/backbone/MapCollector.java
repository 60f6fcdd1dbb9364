package dev.prenoise.backbone;

import dev.prenoise.backbone.AttentionSite.Kind;
import dev.prenoise.tensor.Scope;
import dev.prenoise.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Averages attention probabilities over every module whose queries lie on one grid, each head weighing the same (InitNO, CONFORM and
 * Self-Cross share this rule). Modules are chosen by their grid, never by name. Averages are taken sample by sample, so candidates of one
 * batch do not mix.
 */
public final class MapCollector implements AttentionTap, AutoCloseable {
    private final int rows;
    private final int columns;
    private final boolean self;
    private final int lastIndex;
    private @Nullable Tensor crossSum;
    private @Nullable Tensor selfSum;
    private int crossHeads;
    private int selfHeads;

    /**
     * @param sites all of the forward pass to come
     * @param rows of the grid to collect
     * @param self whether self-attention is read as well
     * @throws IllegalArgumentException when no module has that grid
     */
    public MapCollector(List<AttentionSite> sites, int rows, int columns, boolean self) {
        this.rows = rows;
        this.columns = columns;
        this.self = self;
        this.lastIndex = sites.stream()
                .filter(this::wants)
                .mapToInt(AttentionSite::index)
                .max()
                .orElse(-1);
        if (lastIndex < 0) {
            throw new IllegalArgumentException("attention grid: " + rows + " x " + columns + " (expected: one of "
                    + sites.stream()
                            .map(s -> s.rows() + " x " + s.columns())
                            .distinct()
                            .toList() + ")");
        }
    }

    @Override
    public boolean wants(AttentionSite site) {
        return site.rows() == rows && site.columns() == columns && (self || site.kind() == Kind.CROSS);
    }

    @Override
    public boolean last(AttentionSite site) {
        return site.index() == lastIndex;
    }

    @Override
    public void accept(AttentionSite site, Tensor maps) {
        if (site.kind() == Kind.CROSS) {
            crossSum = plus(crossSum, maps);
            crossHeads += site.heads();
        } else {
            selfSum = plus(selfSum, maps);
            selfHeads += site.heads();
        }
    }

    private static Tensor plus(@Nullable Tensor sum, Tensor maps) {
        if (sum == null) {
            return Scope.release(maps);
        }
        Tensor next = Scope.release(sum.add(maps));
        sum.close();
        return next;
    }

    /** {@code [B, rows * columns, T]}; text tokens' shares of each position sum to 1. */
    public Tensor cross() {
        if (crossSum == null) {
            throw new IllegalStateException("cross-attention maps: none yet (expected: a forward pass before)");
        }
        return crossSum.mul(1.0 / crossHeads);
    }

    /** {@code [B, rows * columns, rows * columns]}, the query first. */
    public Tensor self() {
        if (selfSum == null) {
            throw new IllegalStateException(
                    "self-attention maps: none (expected: a collector that reads them, after a forward pass)");
        }
        return selfSum.mul(1.0 / selfHeads);
    }

    @Override
    public void close() {
        if (crossSum != null) {
            crossSum.close();
        }
        if (selfSum != null) {
            selfSum.close();
        }
    }
}
