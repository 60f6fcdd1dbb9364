"""What torch hosts share: attention into maps, gradients, walks, pictures."""

import importlib.util
import math
import unittest

from prenoise import torch_host, wire

TORCH = importlib.util.find_spec("torch") is not None
if TORCH:
    import torch
    from prenoise import arrays


class GridTest(unittest.TestCase):
    def test_one_cell_for_32_pixels_rounded_up(self):
        self.assertEqual([torch_host.grid(512, 512), torch_host.grid(768, 1024), torch_host.grid(520, 64)], [(16, 16), (24, 32), (17, 2)])

    def test_maps_of_large_pictures_fit_a_message(self):
        self.assertEqual([torch_host.fitting_grid(*size) for size in ((16, 16), (56, 56), (64, 64), (129, 65))], [(16, 16), (56, 56), (32, 32), (65, 33)])
        self.assertEqual([torch_host.largest_batch(cells, 77) for cells in (256, 1024, 1600, 3136, 4096)], [147, 11, 4, 1, 0])
        for side in range(1, 300):
            rows, columns = torch_host.fitting_grid(side, 2 * side)
            batch = torch_host.largest_batch(rows * columns, 512)
            self.assertGreaterEqual(batch, 1, f"{side} x {2 * side}")
            self.assertLess(batch * 4 * rows * columns * (rows * columns + 512), 64 << 20)

    def test_prediction_step_is_the_first_at_or_below_flow_time_04(self):
        self.assertEqual(torch_host.prediction_step([14.6, 3.0, 0.6, 0.1, 0.0], "eps"), 2)
        self.assertEqual(torch_host.prediction_step([1.0, 0.6, 0.4, 0.0], "flow"), 2)
        self.assertEqual(torch_host.prediction_step([14.6, 3.0], "v"), 0)


@unittest.skipUnless(TORCH, "torch is not installed in this Python")
class AttentionTest(unittest.TestCase):
    def setUp(self):
        generator = torch.Generator().manual_seed(1)
        self.query, self.key = (torch.randn([2, 3, n, 4], generator=generator, dtype=torch.float64, requires_grad=True) for n in (6, 5))
        self.mask = torch.randn([2, 1, 6, 5], generator=generator, dtype=torch.float64)

    def test_equals_softmax_then_mean_over_heads(self):
        plain = (self.query @ self.key.transpose(-1, -2) * 0.5 + self.mask).softmax(-1).mean(1)
        self.assertLess(float((torch_host.attention(self.query, self.key, 0.5, self.mask) - plain).detach().abs().max()), 1e-15)

    def test_a_boolean_mask_shuts_keys_out(self):
        keep = torch.tensor([True, False, True, True, True])[None, None, None]
        maps = torch_host.attention(self.query, self.key, 0.5, keep)
        self.assertEqual(float(maps.detach()[..., 1].abs().max()), 0)
        self.assertTrue(torch.allclose(maps.sum(-1), torch.ones(2, 6, dtype=torch.float64)))

    def test_gradient_equals_finite_differences_in_one_chunk_and_in_many(self):
        for limit in (1 << 28, 1):
            whole, torch_host._CHUNK_BYTES = torch_host._CHUNK_BYTES, limit
            try:
                self.assertTrue(torch.autograd.gradcheck(lambda q, k: torch_host.attention(q, k, 0.5, self.mask), (self.query, self.key)))
            finally:
                torch_host._CHUNK_BYTES = whole

    def test_half_precision_is_averaged_in_single(self):
        maps = torch_host.attention(self.query.detach().half(), self.key.detach().half(), 0.5)
        self.assertEqual(maps.dtype, torch.float32)
        self.assertLess(float((maps.sum(-1) - 1).abs().max()), 1e-6)

    def test_every_head_weighs_the_same(self):
        total = torch_host.MapSum(2, 3)
        ones = torch.ones([1, 6, 5])
        total.add_cross(ones, 8)
        total.add_cross(4 * ones, 16)
        self.assertEqual(total.cross.shape, (1, 2, 3, 5))
        self.assertEqual(float(total.cross.mean()), 3)
        self.assertIsNone(total.self_)

    def test_pooling_keeps_what_it_sums(self):
        maps = torch.rand([1, 24, 24]).softmax(-1)
        queries = torch_host.pooled_queries(maps, (4, 6), (2, 3))
        both = torch_host.pooled_keys(queries, (4, 6), (2, 3))
        self.assertEqual(both.shape, (1, 6, 6))
        self.assertTrue(torch.allclose(both.sum(-1), torch.ones(1, 6)))
        block = [0, 1, 6, 7]  # the cells of the first coarse one, in a grid six wide
        self.assertAlmostEqual(float(both[0, 0, 0]), float(maps[0, block][:, block].sum() / 4), places=6)


@unittest.skipUnless(TORCH, "torch is not installed in this Python")
class GradientTest(unittest.TestCase):
    def test_from_maps_to_noise(self):
        noise = torch.randn([1, 2, 2, 3], requires_grad=True)
        cross = (noise.sum(1) ** 2)[..., None] * torch.tensor([1.0, 2.0])
        slope = torch.randn([2, 3, 2])
        slopes = [wire.AttentionMaps(arrays.from_torch(slope))]
        expected = torch.autograd.grad(cross, noise, slope[None], retain_graph=True)[0]
        self.assertTrue(torch.equal(torch_host.attention_gradient(noise, cross, None, slopes, half=False), expected))
        cross = (noise.sum(1) ** 2)[..., None] * torch.tensor([1.0, 2.0])
        self.assertTrue(torch.allclose(torch_host.attention_gradient(noise, cross, None, slopes, half=True), expected))

    def test_a_float16_network_keeps_tiny_gradients_and_survives_large_ones(self):
        def gradient(factor):
            noise = torch.ones([1, 1, 1, 1], requires_grad=True)
            cross = ((noise.half() * factor).float() / factor).reshape(1, 1, 1, 1)
            slopes = [wire.AttentionMaps(wire.Tensor.of_floats([1, 1, 1], [1e-7]))]
            return float(torch_host.attention_gradient(noise, cross, None, slopes, half=True))

        for factor in (0.01, 1.0, 2000.0):
            self.assertAlmostEqual(gradient(factor), 1e-7, delta=1e-10)

    def test_no_finite_gradient_is_told(self):
        noise = torch.zeros([1, 1, 1, 1], requires_grad=True)
        slopes = [wire.AttentionMaps(wire.Tensor.of_floats([1, 1, 1], [1.0]))]
        with self.assertRaisesRegex(torch_host.NoGradient, "not a finite number"):
            torch_host.attention_gradient(noise, noise.sqrt(), None, slopes, half=False)

    def test_a_gradient_of_another_shape_is_told(self):
        noise = torch.zeros([1, 1, 1, 1], requires_grad=True)
        slopes = [wire.AttentionMaps(wire.Tensor.of_floats([1, 2, 1], [1.0, 1.0]))]
        with self.assertRaisesRegex(torch_host.NoGradient, r"\[1, 2, 1\] \(expected: \[1, 1, 1\]\)"):
            torch_host.attention_gradient(noise, noise * 2, None, slopes, half=False)

    def test_recomputed_has_the_value_and_the_gradient(self):
        weights = torch.randn([3, 3], dtype=torch.float64)
        x = torch.randn([4, 3], dtype=torch.float64, requires_grad=True)
        calls = []

        def call(y):
            calls.append(y.requires_grad)
            return torch.tanh(y @ weights)

        answer = torch_host.recomputed(call, x)
        answer.sum().backward()
        self.assertEqual(calls, [False, True])
        self.assertTrue(torch.equal(answer.detach(), torch.tanh(x @ weights).detach()))
        self.assertTrue(torch.autograd.gradcheck(lambda y: torch_host.recomputed(call, y), (x,)))


@unittest.skipUnless(TORCH, "torch is not installed in this Python")
class WalkTest(unittest.TestCase):
    SIGMAS = [14.6, 12.5, 10.7, 9.0, 5.0, 2.0, 0.7, 0.2, 0.0]

    @staticmethod
    def denoiser(x, level):
        return x / (1 + WalkTest.SIGMAS[level] ** 2) + 0.1  # of data that are N(0, 1), nearly

    def test_down_is_eulers_method(self):
        x = torch.randn([1, 1, 2, 2], dtype=torch.float64)
        by_hand = x
        for a, b in zip(self.SIGMAS, self.SIGMAS[1:]):
            by_hand = by_hand + (by_hand - by_hand / (1 + a * a) - 0.1) / a * (b - a)
        walked = torch_host.walk(x, self.SIGMAS, 0, len(self.SIGMAS) - 1, self.denoiser)
        self.assertLess(float((walked - by_hand).abs().max()), 1e-12)

    def test_the_way_back_ends_where_the_way_down_began(self):
        x = 14.6 * torch.randn([1, 1, 2, 2], dtype=torch.float64)
        calls = []

        def counted(at, level):
            calls.append(level)
            return self.denoiser(at, level)

        there = torch_host.walk(x, self.SIGMAS, 0, 3, self.denoiser)
        back = torch_host.walk(there, self.SIGMAS, 3, 0, counted)
        self.assertLess(float((back - x).abs().max() / x.abs().max()), 0.01)
        self.assertEqual(calls, [2] * 4 + [1] * 4 + [0] * 4)

    def test_clean_latents_of_every_prediction(self):
        x0, e = torch.randn([2, 1, 1, 3, 3], dtype=torch.float64)
        sigma = 2.0
        root = math.sqrt(sigma * sigma + 1)
        k = x0 + sigma * e
        self.assertTrue(torch.allclose(torch_host.clean(k, e, sigma, "eps"), x0))
        self.assertTrue(torch.allclose(torch_host.clean(k, (e - sigma * x0) / root, sigma, "v"), x0))
        self.assertTrue(torch.allclose(torch_host.clean(0.3 * x0 + 0.7 * e, e - x0, 0.7, "flow"), x0))
        with self.assertRaisesRegex(ValueError, "expected: eps, v or flow"):
            torch_host.clean(k, e, sigma, "x0")


@unittest.skipUnless(TORCH, "torch is not installed in this Python")
class PictureTest(unittest.TestCase):
    @unittest.skipUnless(importlib.util.find_spec("PIL") is not None, "Pillow is not installed in this Python")
    def test_rounded_down_and_cut_off_as_hosts_save(self):
        import io

        from PIL import Image

        image = torch.tensor([[[0.0, 0.999, 2.0], [-1.0, 0.5, 1.0]]])
        read = Image.open(io.BytesIO(torch_host.png_of(image)))
        self.assertEqual((read.size, read.getpixel((0, 0)), read.getpixel((1, 0))), ((2, 1), (0, 254, 255), (0, 127, 255)))


if __name__ == "__main__":
    unittest.main()
