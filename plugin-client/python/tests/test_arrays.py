"""Tensors to and from numpy's and torch's, and pictures to PNG."""

import importlib.util
import io
import struct
import unittest
import zlib

from prenoise import arrays, png, wire


def has(name):
    return importlib.util.find_spec(name) is not None


@unittest.skipUnless(has("numpy"), "numpy is not installed in this Python")
class NumpyTest(unittest.TestCase):
    def test_there_and_back_for_every_type(self):
        import numpy

        for kind in ("float32", "float16", "float64", "int64"):
            array = numpy.array([[1, -2, 3], [4, 5, 6]], kind)
            tensor = arrays.from_numpy(array)
            self.assertEqual(list(tensor.floats()), [1, -2, 3, 4, 5, 6])
            back = arrays.to_numpy(tensor)
            self.assertEqual((back.dtype, back.tolist()), (array.dtype, array.tolist()))
            back[0, 0] = 9  # an array of its own

    def test_other_orders_types_and_bytes(self):
        import numpy

        array = numpy.arange(6, dtype="uint8").reshape(2, 3).T
        self.assertEqual(arrays.from_numpy(array), wire.Tensor.of_floats([3, 2], [0, 3, 1, 4, 2, 5]))
        self.assertEqual(arrays.from_numpy(numpy.array([1.5], ">f4")), wire.Tensor.of_floats([1], [1.5]))
        self.assertEqual(arrays.from_numpy(numpy.float64(2)).shape, [])

    def test_bfloat16_becomes_float32(self):
        self.assertEqual(arrays.to_numpy(wire.Tensor(wire.DataType.BFLOAT16, [2], bytes.fromhex("c03f00c0"))).tolist(), [1.5, -2.0])


@unittest.skipUnless(has("torch"), "torch is not installed in this Python")
class TorchTest(unittest.TestCase):
    def test_there_and_back_for_every_type(self):
        import torch

        for kind in (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64):
            tensor = torch.tensor([[1, -2, 3], [4, 5, 6]], dtype=kind)
            sent = arrays.from_torch(tensor.T)
            self.assertEqual((sent.shape, list(sent.floats())), ([3, 2], [1, 4, -2, 5, 3, 6]))
            back = arrays.to_torch(sent)
            self.assertEqual(back.dtype, kind)
            self.assertTrue(torch.equal(back, tensor.T))

    def test_other_types_graphs_and_nothing_at_all(self):
        import torch

        self.assertEqual(arrays.from_torch(torch.tensor([True, False])), wire.Tensor.of_floats([2], [1, 0]))
        self.assertEqual(arrays.from_torch(torch.ones(1, requires_grad=True) * 2), wire.Tensor.of_floats([1], [2]))
        self.assertEqual(arrays.from_torch(torch.tensor(3.0)), wire.Tensor.of_floats([], [3]))
        empty = arrays.from_torch(torch.empty(0, 4))
        self.assertEqual((empty.shape, empty.data, list(arrays.to_torch(empty).shape)), ([0, 4], b"", [0, 4]))

    def test_the_same_bytes_as_numpys(self):
        import torch

        tensor = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(3))
        self.assertEqual(arrays.from_torch(tensor), arrays.from_numpy(tensor.numpy()))


class PngTest(unittest.TestCase):
    def test_the_pixels_are_in_the_file(self):
        pixels = bytes(range(2 * 3 * 3))
        data = png.encode(pixels, 2, 3)
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        chunks, at = {}, 8
        while at < len(data):
            length, kind = struct.unpack_from(">I4s", data, at)
            body = data[at + 8 : at + 8 + length]
            self.assertEqual(struct.unpack_from(">I", data, at + 8 + length)[0], zlib.crc32(kind + body))
            chunks[kind] = body
            at += 12 + length
        self.assertEqual(list(chunks), [b"IHDR", b"IDAT", b"IEND"])
        self.assertEqual(struct.unpack(">IIBBBBB", chunks[b"IHDR"]), (3, 2, 8, 2, 0, 0, 0))
        self.assertEqual(zlib.decompress(chunks[b"IDAT"]), b"\0" + pixels[:9] + b"\0" + pixels[9:])

    @unittest.skipUnless(has("PIL"), "Pillow is not installed in this Python")
    def test_pillow_reads_it(self):
        from PIL import Image

        pixels = bytes(i * 7 % 256 for i in range(5 * 4 * 3))
        for level in (0, 3, 9):
            image = Image.open(io.BytesIO(png.encode(bytearray(pixels), 5, 4, level)))
            self.assertEqual((image.size, image.mode, image.tobytes()), ((4, 5), "RGB", pixels))

    def test_a_wrong_size_is_refused(self):
        with self.assertRaisesRegex(ValueError, r"png: 5 bytes \(expected: 6, of \[1, 2, 3\]\)"):
            png.encode(bytes(5), 1, 2)
        with self.assertRaisesRegex(ValueError, r"png: 0 by 2 pixels \(expected: at least 1 by 1\)"):
            png.encode(b"", 0, 2)


if __name__ == "__main__":
    unittest.main()
