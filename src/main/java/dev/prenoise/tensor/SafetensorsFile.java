package dev.prenoise.tensor;

import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import java.io.IOException;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.ShortBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A memory-mapped safetensors file: an 8-byte header length, a JSON header, then the tensors' bytes without gaps. Everything is checked
 * when it is opened, so that no later access can leave the file.
 *
 * <p>Thread-safe. A file that was changed since it was opened is refused when more of it is read; while tensors lie over it, it must not be
 * written to.
 */
public final class SafetensorsFile {
    private static final int MAX_HEADER = 100_000_000;
    private static final int MAX_DIMENSIONS = 16;

    private final Path path;
    private final Version version;
    private final Map<String, Entry> entries;
    private final Map<String, String> metadata;

    /** What tells a file that was written anew from the one whose header was read. */
    private record Version(long bytes, FileTime modified) {
        static Version of(Path path) throws IOException {
            BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
            return new Version(attributes.size(), attributes.lastModifiedTime());
        }
    }

    private SafetensorsFile(Path path, Version version, Map<String, Entry> entries, Map<String, String> metadata) {
        this.path = path;
        this.version = version;
        this.entries = Collections.unmodifiableMap(entries);
        this.metadata = Collections.unmodifiableMap(metadata);
    }

    /**
     * @param type as stored
     * @param shape empty for a scalar
     * @param offset of the first byte, from the start of the file
     * @param length bytes
     */
    public record Entry(SafetensorsType type, List<Long> shape, long offset, long length) {}

    /**
     * Reads and checks the header; no tensor's bytes are touched.
     *
     * @throws SafetensorsException when the file is cut short, its header is no header, a tensor's type is unknown, or tensors overlap,
     *     leave gaps or reach beyond the end
     */
    public static SafetensorsFile open(Path path) {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            // before the header is read: what is written from then on is another version
            Version version = Version.of(path);
            long size = channel.size();
            if (size < Long.BYTES) {
                throw new SafetensorsException(path, size + " bytes (expected: at least 8 for the header's length)");
            }
            long headerLength = read(channel, 0, Long.BYTES).getLong();
            if (headerLength < 2 || headerLength > MAX_HEADER) {
                throw new SafetensorsException(
                        path,
                        "header length " + Long.toUnsignedString(headerLength) + " (expected: 2 to " + MAX_HEADER
                                + "); is it a safetensors file?");
            }
            if (headerLength > size - Long.BYTES) {
                throw new SafetensorsException(
                        path,
                        "cut short: " + size + " bytes (expected: " + (headerLength + Long.BYTES)
                                + " for the header alone)");
            }
            String header = decode(path, read(channel, Long.BYTES, (int) headerLength));
            return parse(path, version, header, Long.BYTES + headerLength, size);
        } catch (IOException e) {
            throw new SafetensorsException(path, "cannot be read: " + e, e);
        }
    }

    private static ByteBuffer read(FileChannel channel, long position, int length) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocate(length).order(ByteOrder.LITTLE_ENDIAN);
        while (buffer.hasRemaining()) {
            if (channel.read(buffer, position + buffer.position()) < 0) {
                throw new IOException("ended at byte " + (position + buffer.position()));
            }
        }
        return buffer.flip();
    }

    private static String decode(Path path, ByteBuffer header) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(header).toString();
        } catch (CharacterCodingException e) {
            throw new SafetensorsException(path, "header is not UTF-8", e);
        }
    }

    private static SafetensorsFile parse(Path path, Version version, String header, long dataStart, long fileSize) {
        if (header.charAt(0) != '{') {
            throw new SafetensorsException(path, "header does not start with '{'; is it a safetensors file?");
        }
        Map<String, Entry> entries = new LinkedHashMap<>();
        Map<String, String> metadata = new LinkedHashMap<>();
        try (JsonReader json = new JsonReader(new StringReader(header))) {
            json.setStrictness(Strictness.STRICT);
            json.beginObject();
            while (json.hasNext()) {
                String name = json.nextName();
                if (name.equals("__metadata__")) {
                    readMetadata(json, metadata);
                } else if (entries.put(name, readEntry(path, json, name, dataStart, fileSize)) != null) {
                    throw new SafetensorsException(path, "tensor \"" + name + "\": named twice in the header");
                }
            }
            json.endObject();
            if (json.peek() != JsonToken.END_DOCUMENT) {
                throw new SafetensorsException(path, "header goes on after its closing brace");
            }
        } catch (IOException | IllegalStateException | NumberFormatException e) {
            throw new SafetensorsException(
                    path, "header is not valid JSON of a safetensors file: " + e.getMessage(), e);
        }
        checkLayout(path, entries, dataStart, fileSize);
        return new SafetensorsFile(path, version, entries, metadata);
    }

    private static void readMetadata(JsonReader json, Map<String, String> metadata) throws IOException {
        json.beginObject();
        while (json.hasNext()) {
            metadata.put(json.nextName(), json.nextString());
        }
        json.endObject();
    }

    private static Entry readEntry(Path path, JsonReader json, String name, long dataStart, long fileSize)
            throws IOException {
        String type = null;
        List<Long> shape = null;
        List<Long> offsets = null;
        json.beginObject();
        while (json.hasNext()) {
            switch (json.nextName()) {
                case "dtype" -> type = json.nextString();
                case "shape" -> shape = readLongs(json);
                case "data_offsets" -> offsets = readLongs(json);
                default -> json.skipValue();
            }
        }
        json.endObject();
        if (type == null || shape == null || offsets == null) {
            throw new SafetensorsException(path, "tensor \"" + name + "\": header lacks dtype, shape or data_offsets");
        }
        SafetensorsType elements = typeOf(path, name, type);
        if (shape.size() > MAX_DIMENSIONS || shape.stream().anyMatch(d -> d < 0)) {
            throw new SafetensorsException(
                    path,
                    "tensor \"" + name + "\": shape " + shape + " (expected: up to " + MAX_DIMENSIONS
                            + " dimensions >= 0)");
        }
        if (offsets.size() != 2 || offsets.get(0) < 0 || offsets.get(1) < offsets.get(0)) {
            throw new SafetensorsException(
                    path, "tensor \"" + name + "\": data_offsets " + offsets + " (expected: two, rising, >= 0)");
        }
        long length = offsets.get(1) - offsets.get(0);
        if (offsets.get(1) > fileSize - dataStart) {
            throw new SafetensorsException(
                    path,
                    "tensor \"" + name + "\": ends at byte " + offsets.get(1) + " of the data, the file has "
                            + (fileSize - dataStart) + ": cut short?");
        }
        long expected;
        try {
            expected = shape.stream().reduce((long) elements.bytes(), Math::multiplyExact);
        } catch (ArithmeticException e) {
            throw new SafetensorsException(
                    path, "tensor \"" + name + "\": shape " + shape + " is larger than any file", e);
        }
        if (expected != length) {
            throw new SafetensorsException(
                    path,
                    "tensor \"" + name + "\": " + length + " bytes (expected: " + expected + " for " + elements + " "
                            + shape + ")");
        }
        return new Entry(elements, List.copyOf(shape), dataStart + offsets.get(0), length);
    }

    private static SafetensorsType typeOf(Path path, String name, String type) {
        try {
            return SafetensorsType.valueOf(type);
        } catch (IllegalArgumentException e) {
            throw new SafetensorsException(
                    path,
                    "tensor \"" + name + "\": dtype \"" + type + "\" (expected: one of "
                            + Arrays.toString(SafetensorsType.values()).toUpperCase(java.util.Locale.ROOT) + ")",
                    e);
        }
    }

    private static List<Long> readLongs(JsonReader json) throws IOException {
        List<Long> values = new ArrayList<>();
        json.beginArray();
        while (json.hasNext()) {
            values.add(json.nextLong());
        }
        json.endArray();
        return values;
    }

    /** Tensors must cover the data exactly: no overlap, no gap, nothing after the last. */
    private static void checkLayout(Path path, Map<String, Entry> entries, long dataStart, long fileSize) {
        List<Map.Entry<String, Entry>> byOffset = new ArrayList<>(entries.entrySet());
        byOffset.sort(Comparator.comparingLong(
                        (Map.Entry<String, Entry> e) -> e.getValue().offset())
                .thenComparingLong(e -> e.getValue().length()));
        long end = dataStart;
        for (Map.Entry<String, Entry> entry : byOffset) {
            long offset = entry.getValue().offset();
            if (offset != end) {
                throw new SafetensorsException(
                        path,
                        "tensor \"" + entry.getKey() + "\": starts at byte " + (offset - dataStart)
                                + " of the data (expected: " + (end - dataStart) + "): "
                                + (offset < end ? "overlaps the tensor before it" : "a gap lies before it"));
            }
            end = offset + entry.getValue().length();
        }
        if (end != fileSize) {
            throw new SafetensorsException(path, (fileSize - end) + " bytes after the last tensor (expected: none)");
        }
    }

    public Path path() {
        return path;
    }

    /** In the header's order. */
    public Set<String> names() {
        return entries.keySet();
    }

    public boolean contains(String name) {
        return entries.containsKey(name);
    }

    /** The header's free text. */
    public Map<String, String> metadata() {
        return metadata;
    }

    /**
     * @throws SafetensorsException when there is no such tensor
     */
    public Entry entry(String name) {
        Entry entry = entries.get(name);
        if (entry == null) {
            throw new SafetensorsException(path, "tensor \"" + name + "\": missing");
        }
        return entry;
    }

    /**
     * A tensor on a device in a floating type. On the CPU and without conversion it lies over the mapped file, unless the file has it at an
     * address that its type forbids: nothing is copied, and it must never be written to. Everywhere else its memory is libtorch's own, freed
     * when it is closed. It belongs to no scope: the caller closes it.
     *
     * @param type a floating one
     * @throws SafetensorsException when there is no such tensor, or it does not hold floating-point numbers
     */
    public Tensor load(String name, Compute compute, DType type) {
        return load(name, 0, 1, compute, type);
    }

    /**
     * {@link #load} of one of several parts that a tensor holds one below the other, such as the query, key and value of one projection.
     *
     * @param part from 0
     * @param parts into which the first dimension is cut
     * @throws SafetensorsException as {@link #load}, and when the first dimension is no multiple of {@code parts}
     */
    public Tensor load(String name, int part, int parts, Compute compute, DType type) {
        Entry entry = floating(name);
        long[] shape = entry.shape().stream().mapToLong(Long::longValue).toArray();
        long length = entry.length() / parts;
        if (parts > 1) {
            if (shape.length == 0 || shape[0] % parts != 0) {
                throw wrong(
                        name, "shape " + entry.shape() + " (expected: first dimension a multiple of " + parts + ")");
            }
            shape[0] /= parts;
        }
        ByteBuffer bytes = bytes(name, part * length, length);
        return switch (entry.type()) {
            case F32 -> create(bytes, DType.FLOAT32, shape, compute, type);
            case F16 -> create(bytes, DType.FLOAT16, shape, compute, type);
            case F64 -> create(bytes, DType.FLOAT64, shape, compute, type);
            default -> {
                ByteBuffer wide;
                try {
                    wide = widen(bytes);
                } finally {
                    NativeBuffers.free(bytes);
                }
                yield create(wide, DType.FLOAT32, shape, compute, type);
            }
        };
    }

    /**
     * On the CPU over the mapped file where it holds what is wanted; else in libtorch's own memory, and the buffer is freed. A tensor over any
     * other buffer would keep it until the garbage collector runs, whenever that is: closing the tensor would free nothing.
     *
     * @param bytes a mapped file's, read-only, or a buffer's of our own
     */
    private static Tensor create(ByteBuffer bytes, DType stored, long[] shape, Compute compute, DType type) {
        if (compute.isCpu() && stored == type && bytes.isReadOnly()) {
            try (Scope scope = new Scope()) {
                return Scope.release(Tensor.create(compute, compute.manager(), bytes, stored, shape));
            }
        }
        try (Scope scope = new Scope()) {
            // elsewhere than on the CPU this is a copy, and it is done when the call returns
            Tensor tensor = Tensor.create(compute, compute.manager(), bytes, stored, shape);
            if (stored != type) {
                return Scope.release(tensor.to(type));
            }
            return Scope.release(compute.isCpu() ? tensor.copy() : tensor);
        } finally {
            NativeBuffers.free(bytes);
        }
    }

    /**
     * The value of a tensor with one element, whatever its shape and type.
     *
     * @throws SafetensorsException when there is no such tensor, it has another number of elements or holds truth values
     */
    public double number(String name) {
        Entry entry = entry(name);
        if (entry.length() != entry.type().bytes()) {
            throw wrong(name, entry.type() + " " + entry.shape() + " (expected: one number)");
        }
        ByteBuffer value = bytes(name);
        return switch (entry.type()) {
            case F64 -> value.getDouble();
            case F32 -> value.getFloat();
            case F16 -> half(value.getShort());
            case BF16 -> Float.intBitsToFloat(value.getShort() << 16);
            case I64 -> value.getLong();
            case I32 -> value.getInt();
            case I16 -> value.getShort();
            case I8 -> value.get();
            case U8 -> value.get() & 0xFF;
            default -> throw wrong(name, entry.type() + " " + entry.shape() + " (expected: one number)");
        };
    }

    /** IEEE 754 binary16. The JDK converts from version 20 on. */
    private static double half(short bits) {
        int exponent = bits >> 10 & 0x1F;
        int fraction = bits & 0x3FF;
        double magnitude = exponent == 0
                ? fraction * 0x1p-24
                : exponent == 0x1F
                        ? fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN
                        : Math.scalb(1 + fraction * 0x1p-10, exponent - 15);
        return bits < 0 ? -magnitude : magnitude;
    }

    /**
     * A small tensor's values in row-major order, without starting libtorch.
     *
     * @throws SafetensorsException when there is no such tensor, or it does not hold floating-point numbers
     */
    public float[] values(String name) {
        Entry entry = floating(name);
        ByteBuffer bytes = bytes(name, 0, entry.length());
        float[] values = new float[(int) (entry.length() / entry.type().bytes())];
        for (int i = 0; i < values.length; i++) {
            values[i] = switch (entry.type()) {
                case F32 -> bytes.getFloat();
                case F64 -> (float) bytes.getDouble();
                case F16 -> (float) half(bytes.getShort());
                default -> Float.intBitsToFloat(bytes.getShort() << 16);
            };
        }
        return values;
    }

    private Entry floating(String name) {
        Entry entry = entry(name);
        if (!entry.type().isFloating()) {
            throw wrong(name, entry.type() + " (expected: floating-point numbers)");
        }
        return entry;
    }

    /** About one tensor, for a message. */
    public SafetensorsException wrong(String name, String problem) {
        return new SafetensorsException(path, "tensor \"" + name + "\": " + problem);
    }

    /** bfloat16 is the upper half of a float32. The binding cannot make a tensor of the type, so it is widened here. */
    private static ByteBuffer widen(ByteBuffer bfloat16) {
        ShortBuffer from = bfloat16.asShortBuffer();
        ByteBuffer to = ByteBuffer.allocateDirect(Math.multiplyExact(from.remaining(), Float.BYTES))
                .order(ByteOrder.nativeOrder());
        while (from.hasRemaining()) {
            to.putInt(from.get() << 16);
        }
        return to.flip();
    }

    /**
     * A tensor's bytes: the mapped file itself, or a copy where the file has them at an address that their type forbids.
     *
     * @throws SafetensorsException when it has more than 2 GB, or the file was changed since it was opened
     */
    ByteBuffer bytes(String name) {
        return bytes(name, 0, entry(name).length());
    }

    private ByteBuffer bytes(String name, long start, long length) {
        Entry entry = entry(name);
        if (length > Integer.MAX_VALUE) {
            throw wrong(name, length + " bytes (expected: at most " + Integer.MAX_VALUE + ")");
        }
        if (length == 0) {
            return ByteBuffer.allocateDirect(0).order(ByteOrder.LITTLE_ENDIAN);
        }
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
            if (!Version.of(path).equals(version)) {
                throw wrong(name, "the file was changed since it was opened (expected: the file as it was)");
            }
            long offset = entry.offset() + start;
            ByteBuffer mapped =
                    channel.map(FileChannel.MapMode.READ_ONLY, offset, length).order(ByteOrder.LITTLE_ENDIAN);
            if (offset % entry.type().bytes() == 0) {
                return mapped;
            }
            ByteBuffer copy = ByteBuffer.allocateDirect((int) length)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .put(mapped)
                    .flip();
            NativeBuffers.free(mapped);
            return copy;
        } catch (IOException e) {
            throw new SafetensorsException(path, "tensor \"" + name + "\": cannot be read: " + e, e);
        }
    }
}
