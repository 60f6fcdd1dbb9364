package dev.prenoise.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvFileSource;
import org.junit.jupiter.params.provider.CsvSource;

class ResamplingTest {
    @ParameterizedTest
    @CsvFileSource(resources = "/image/resize.csv")
    void resize_everyFilterUpAndDown_equalsPillowByteForByte(
            int width, int height, int newWidth, int newHeight, Filter filter, String hash) {
        Picture resized = Resampling.resize(TestPictures.drawn(width, height), newWidth, newHeight, filter);

        assertThat(resized.width()).isEqualTo(newWidth);
        assertThat(resized.height()).isEqualTo(newHeight);
        assertThat(TestPictures.sha256(resized)).isEqualTo(hash);
    }

    @ParameterizedTest
    @CsvFileSource(resources = "/image/crop.csv")
    void crop_ofTheMiddleWithOddRestsAndSmallerPictures_equalsTransformers(
            int width, int height, int cropWidth, int cropHeight, String hash) {
        Picture cropped = Resampling.crop(
                TestPictures.drawn(width, height), CropRule.TRANSFORMERS.window(width, height, cropWidth, cropHeight));

        assertThat(cropped.width()).isEqualTo(cropWidth);
        assertThat(TestPictures.sha256(cropped)).isEqualTo(hash);
    }

    @ParameterizedTest
    @CsvSource({"0,0,40,60", "7,11,5,3", "39,0,1,60", "-3,-2,50,70", "30,50,20,20", "41,3,4,4"})
    void resize_window_isTheSamePartOfTheWhole(int left, int top, int width, int height) {
        var window = new Window(left, top, width, height);
        Picture picture = TestPictures.drawn(97, 31);

        Picture part = Resampling.resize(picture, 40, 60, Filter.BICUBIC, window);

        Picture whole = Resampling.resize(picture, 40, 60, Filter.BICUBIC);
        assertThat(part.rgb()).isEqualTo(Resampling.crop(whole, window).rgb());
    }

    @Test
    void resize_windowOfAnExtremeRatio_readsWhatItNeeds() {
        Picture strip = TestPictures.drawn(1, 100_000);

        Picture part = Resampling.resize(strip, 224, 22_400_000, Filter.BICUBIC, new Window(0, 11_200_000, 224, 224));

        assertThat(part.height()).isEqualTo(224);
    }

    @Test
    void resize_resultOverTheLimitOfAnArray_saysSo() {
        assertThatThrownBy(() -> Resampling.resize(TestPictures.drawn(1, 2), 50_000, 50_000, Filter.BILINEAR))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("size: 50000 x 50000");
    }

    @Test
    void resize_noPixels_isRejected() {
        assertThatThrownBy(() -> Resampling.resize(TestPictures.drawn(2, 2), 0, 5, Filter.BILINEAR))
                .hasMessage("size: 0 x 5 (expected: 1 x 1 at least)");
    }

    /** Half of 3 is rounded to 2 by torchvision and to 1 by transformers; half of 1 is 0 to both. */
    @ParameterizedTest
    @CsvSource({
        "TRANSFORMERS,11,8,1",
        "TORCHVISION,11,8,2",
        "TRANSFORMERS,9,8,0",
        "TORCHVISION,9,8,0",
        "TRANSFORMERS,13,8,2",
        "TORCHVISION,13,8,2",
        "TRANSFORMERS,5,8,-2",
        "TORCHVISION,5,8,-1"
    })
    void window_oddRest_isRoundedAsTheLibraryDoes(CropRule rule, int size, int crop, int start) {
        assertThat(rule.window(size, size, crop, crop)).isEqualTo(new Window(start, start, crop, crop));
    }
}
