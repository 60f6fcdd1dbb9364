package dev.prenoise.attention;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;
import java.util.zip.ZipInputStream;

/** A NumPy .npz of little-endian float64, float32 and byte arrays. */
final class Npz {
    private final Map<String, ByteBuffer> entries = new HashMap<>();

    static Npz resource(String path) throws IOException {
        var npz = new Npz();
        try (InputStream in = Npz.class.getResourceAsStream(path);
                var zip = new ZipInputStream(in)) {
            for (var entry = zip.getNextEntry(); entry != null; entry = zip.getNextEntry()) {
                npz.entries.put(entry.getName().replace(".npy", ""), ByteBuffer.wrap(zip.readAllBytes()));
            }
        }
        return npz;
    }

    boolean has(String name) {
        return entries.containsKey(name);
    }

    double[] doubles(String name) {
        ByteBuffer data = data(name);
        boolean wide = header(name).contains("'<f8'");
        double[] values = new double[data.remaining() / (wide ? 8 : 4)];
        for (int i = 0; i < values.length; i++) {
            values[i] = wide ? data.getDouble() : data.getFloat();
        }
        return values;
    }

    String text(String name) {
        return StandardCharsets.UTF_8.decode(data(name)).toString();
    }

    private String header(String name) {
        ByteBuffer entry = entry(name);
        byte[] header = new byte[entry.getShort(8)];
        entry.position(10).get(header);
        return new String(header, StandardCharsets.ISO_8859_1);
    }

    private ByteBuffer data(String name) {
        ByteBuffer entry = entry(name);
        return entry.position(10 + entry.getShort(8)).slice().order(ByteOrder.LITTLE_ENDIAN);
    }

    private ByteBuffer entry(String name) {
        ByteBuffer entry = entries.get(name);
        if (entry == null) {
            throw new IllegalArgumentException(name + " (expected: one of " + entries.keySet() + ")");
        }
        return entry.duplicate().order(ByteOrder.LITTLE_ENDIAN);
    }
}
