"""What is read from a workflow."""

import time
import unittest

from support import graph, pack  # noqa: F401  (loads the node pack)

from better_noise_pack.better_noise.graph import ModelSource, Texts, model_source, texts_for


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


class ModelSourceTest(unittest.TestCase):
    def test_follows_loras_up_to_the_checkpoint(self):
        found = model_source(
            {
                "1": node("CheckpointLoaderSimple", ckpt_name="sd15\\dream.safetensors"),
                "2": node("LoraLoader", model=["1", 0], clip=["1", 1], lora_name="style/ink.safetensors", strength_model=0.8, strength_clip=0.5),
                "3": node("LoraLoaderModelOnly", model=["2", 0], lora_name="light.safetensors", strength_model=1.5),
                "5": node("PrenoiseBetterNoise", model=["3", 0]),
            },
            "5",
        )
        self.assertEqual("dream.safetensors", found.file_name)
        self.assertEqual(
            [("ink.safetensors", 0.8, 0.5), ("light.safetensors", 1.5, 0.0)], [(x.name, x.strength, x.text_strength) for x in found.loras]
        )

    def test_reads_stacks_of_loras_that_are_switched_on(self):
        stack = node(
            "Power Lora Loader",
            model=["1", 0],
            lora_1={"on": True, "lora": "a.safetensors", "strength": 0.7},
            lora_2={"on": False, "lora": "b", "strength": 1},
        )
        found = model_source({"1": node("UNETLoader", unet_name="flux.safetensors"), "2": stack, "5": node("X", model=["2", 0])}, "5")
        self.assertEqual("flux.safetensors", found.file)
        self.assertEqual([("a.safetensors", 0.7, 0.7)], [(x.name, x.strength, x.text_strength) for x in found.loras])

    def test_a_sampler_with_a_guider_has_the_guiders_model(self):
        custom = {
            "1": node("CheckpointLoaderSimple", ckpt_name="dream.safetensors"),
            "2": node("LoraLoaderModelOnly", model=["1", 0], lora_name="light.safetensors", strength_model=1.5),
            "4": node("CFGGuider", model=["2", 0], positive=["8", 0], negative=["9", 0]),
            "6": node("SamplerCustomAdvanced", noise=["5", 0], guider=["4", 0], sampler=["10", 0], sigmas=["11", 0], latent_image=["12", 0]),
        }
        found = model_source(custom, "6")
        self.assertEqual(("dream.safetensors", ["light.safetensors"]), (found.file, [lora.name for lora in found.loras]))

    def test_goes_through_a_reroute_and_ends_where_nothing_is_known(self):
        reroute = {"1": node("Loader", ckpt_name="x.ckpt"), "2": node("Reroute", **{"": ["1", 0]}), "5": node("X", model=["2", 0])}
        self.assertEqual("x.ckpt", model_source(reroute, "5").file)
        self.assertEqual(ModelSource("", ()), model_source({"5": node("X", model=["9", 0])}, "5"))
        self.assertEqual(ModelSource("", ()), model_source({"5": node("X", model=["5", 0])}, "5"))


class TextsTest(unittest.TestCase):
    def test_reads_both_prompts_of_the_sampler_that_runs(self):
        self.assertEqual(Texts("a cat", "blurry"), texts_for(graph("a cat", "blurry"), "6", "5"))

    def test_finds_the_sampler_behind_the_node_where_it_is_not_told_which_runs(self):
        self.assertEqual(Texts("a cat", ""), texts_for(graph("a cat"), None, "5"))
        other = node("KSampler", model=["5", 0], positive=["3", 0], negative=["2", 0], latent_image=["4", 0])
        self.assertEqual(Texts(None, None), texts_for(graph("a cat", "a dog", **{"7": other}), None, "5"), "two samplers with two prompts")

    def test_goes_through_control_nets_by_the_output_that_is_linked(self):
        found = texts_for(
            graph(
                "a cat",
                "blurry",
                **{
                    "8": node("ControlNetApplyAdvanced", positive=["2", 0], negative=["3", 0], image=["9", 0]),
                    "6": node("KSampler", model=["5", 0], positive=["8", 0], negative=["8", 1], latent_image=["4", 0]),
                },
            ),
            "6",
            "5",
        )
        self.assertEqual(Texts("a cat", "blurry"), found)

    def test_reads_guiders_guidance_and_the_texts_of_flux_and_sdxl(self):
        flux = {
            "2": node("CLIPTextEncodeFlux", clip=["1", 0], clip_l="tags", t5xxl="a cat on a mat", guidance=3.5),
            "3": node("FluxGuidance", conditioning=["2", 0], guidance=3.5),
            "4": node("BasicGuider", model=["5", 0], conditioning=["3", 0]),
            "6": node("SamplerCustomAdvanced", guider=["4", 0], noise=["7", 0]),
        }
        self.assertEqual("a cat on a mat", texts_for(flux, "6", "5").positive)
        sdxl = graph(**{"2": node("CLIPTextEncodeSDXL", clip=["1", 1], text_g="a big cat", text_l="cat, big")})
        self.assertEqual("a big cat", texts_for(sdxl, "6", "5").positive)

    def test_follows_linked_text_through_primitives_and_concatenation(self):
        parts = {
            "2": node("CLIPTextEncode", clip=["1", 1], text=["20", 0]),
            "20": node("StringConcatenate", string_a=["21", 0], string_b="and a dog", delimiter=" "),
            "21": node("PrimitiveString", value="a cat"),
        }
        self.assertEqual("a cat and a dog", texts_for(graph(**parts), "6", "5").positive)

    def test_text_that_is_joined_with_itself_again_and_again_is_followed_once(self):
        def doubled(first, times):
            joins = {str(20 + i): node("StringConcatenate", string_a=[str(21 + i), 0], string_b=[str(21 + i), 0], delimiter="") for i in range(times)}
            joins[str(20 + times)] = node("PrimitiveString", value=first)
            return graph(**{"2": node("CLIPTextEncode", clip=["1", 1], text=["20", 0]), **joins})

        begin = time.monotonic()
        self.assertEqual("", texts_for(doubled("", 25), "6", "5").positive, "2 to the 25 empty texts are one")
        self.assertEqual("x" * 65536, texts_for(doubled("x", 16), "6", "5").positive)
        self.assertIsNone(texts_for(doubled("x", 25), "6", "5").positive, "32 MB of text is no prompt")
        self.assertLess(time.monotonic() - begin, 1)

    def test_text_that_comes_from_itself_is_not_known(self):
        circle = {
            "2": node("CLIPTextEncode", clip=["1", 1], text=["20", 0]),
            "20": node("StringConcatenate", string_a=["21", 0], string_b="b", delimiter=""),
            "21": node("StringConcatenate", string_a=["20", 0], string_b="a", delimiter=""),
        }
        self.assertIsNone(texts_for(graph(**circle), "6", "5").positive)

    def test_says_that_it_does_not_know_a_text_that_another_node_makes(self):
        made = {"2": node("CLIPTextEncode", clip=["1", 1], text=["20", 0]), "20": node("Describe", image=["21", 0], model=["22", 0])}
        self.assertIsNone(texts_for(graph(**made), "6", "5").positive)


if __name__ == "__main__":
    unittest.main()
