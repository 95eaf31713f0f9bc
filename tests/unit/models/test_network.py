"""The network, its int8 file and its training, where the training libraries are installed (extra ``train``)."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("cv2")
pytest.importorskip("flatbuffers")

from models import export, loss, nanodet, parts, quantise, routing, yolox  # noqa: E402  # after the check that they can be imported
from models.candidates import multiplications, runner  # noqa: E402
from models.composites import Studio  # noqa: E402
from models.photographs import Photo  # noqa: E402
from models.samples import Batches, Loaded, Mix  # noqa: E402
from models.train import Plan, blend, fine_tune  # noqa: E402
from models.warp import HEIGHT, WIDTH, warp  # noqa: E402
from models.weather import DAY, FLASH, INFRARED, shoot  # noqa: E402

SIDE = 64
STEPS = 4  # of 1/256: what roundings in another order add up to over eighty layers


def alive(network):
    torch.manual_seed(0)
    for module in network.modules():  # released weights are not in the repository; these keep the signal alive
        if isinstance(module, parts.Conv):
            torch.nn.init.kaiming_normal_(module.conv.weight, nonlinearity="relu")
            module.conv.bias.data.normal_(0, 0.1)
    return network


def nanodet_m():
    network = alive(nanodet.NanoDet())
    network.stem.conv.weight.data /= 100
    return network


def yolox_nano():
    network = alive(yolox.YoloxNano())
    for first in network.stem.first:
        first.conv.weight.data /= 100
    return network


@pytest.fixture(scope="module", params=[nanodet_m, yolox_nano], ids=lambda make: make.__name__)
def watched(request):
    network = request.param().eval()
    parts.set_mode(network, parts.OBSERVE)
    with torch.no_grad():
        for seed in range(3):
            network(pictures(seed))
    for group in network.alike():
        quantise.widen(group)
    parts.set_mode(network, parts.SIMULATE)
    return network


def pictures(seed, count=2):
    return torch.randint(0, 256, (count, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(seed)).float()


def test_the_file_says_what_training_simulated(watched):
    run = runner(export.export(watched, SIDE, SIDE))
    given = pictures(7, 1)
    with torch.no_grad():
        scores, _ = watched(given)
    said = next(out for out in run(given[0].permute(1, 2, 0).numpy().astype(np.uint8)) if out.shape[2] == 3)
    difference = np.abs((said[0].astype(float) + 128) / 256 - scores[0].numpy())
    assert np.median(difference) <= 1 / 256
    assert np.quantile(difference, 0.9) <= STEPS / 256


def test_cells_of_the_file_are_the_cells_of_the_format(watched):
    run = runner(export.export(watched, 96, 64))
    shapes = {out.shape for out in run(np.zeros((96, 64, 3), np.uint8))}
    cells = sum((96 // stride) * (64 // stride) for stride in nanodet.STRIDES)
    assert shapes == {(1, cells, 3), (1, cells, 4)}
    assert multiplications(export.export(watched, 96, 64)) > 10_000_000


def test_loud_and_quiet_channels_of_the_first_layer_have_scales_of_their_own():
    network = yolox_nano().eval()
    with torch.no_grad():
        network.stem.first[0].conv.weight *= 100
    parts.set_mode(network, parts.OBSERVE)
    with torch.no_grad():
        network(pictures(0))
    loud, quiet = (network.stem.first[at].span.scale_and_zero()[0] for at in (0, 2))
    assert loud > 20 * quiet


def test_far_below_zero_no_step_of_int8_is_spent():
    layer = parts.Conv(1, 1, activation="silu")
    layer.before.lo.fill_(-80.0)
    layer.before.hi.fill_(4.0)
    scale, _ = layer.before.scale_and_zero()
    assert scale == pytest.approx((4.0 - parts.FLAT) / 255)


def test_biases_take_out_what_rounding_adds_to_a_channel():
    network = yolox_nano().eval()
    parts.set_mode(network, parts.OBSERVE)
    given = pictures(1, 4)
    with torch.no_grad():
        network(given)
        layer, maps = network.dark[1][0][1], {}
        layer.before.register_forward_pre_hook(lambda _, x: maps.update({layer.before.mode: x[0].mean((0, 2, 3))}))
        parts.set_mode(network, parts.OFF)
        network(given)
        parts.set_mode(network, parts.SIMULATE)
        network(given)
        shifted = (maps[parts.SIMULATE] - maps[parts.OFF]).abs().mean()
        quantise.unbias(network, given)
        network(given)
    assert (maps[parts.SIMULATE] - maps[parts.OFF]).abs().mean() < shifted


def test_blocks_of_pixels_come_as_the_file_puts_them():
    picture = torch.arange(16.0).view(1, 1, 4, 4)
    assert parts.Focus()(picture)[0, :, 0, 0].tolist() == [0, 1, 4, 5]


def test_a_centre_and_a_logarithm_are_a_box():
    where = loss.cells(SIDE, SIDE)
    raw = torch.zeros(1, len(where), 4)
    raw[..., :2], raw[..., 2:] = 0.5, float(np.log(2.0))
    boxes = loss.from_centres(raw, where)[0]
    assert torch.allclose(boxes[:, :2], where[:, :2] - where[:, 2:])
    assert torch.allclose(boxes[:, 2:], where[:, :2] + where[:, 2:])


def test_a_shuffle_becomes_slices_in_the_order_of_reading():
    value = [(1, channel) for channel in range(6)]
    mixed = routing.moved(parts.Shuffle(), [value])
    assert [channel for _, channel in mixed] == [0, 3, 1, 4, 2, 5]
    assert routing.moved(parts.Half(second=True), [mixed]) == mixed[3:]
    assert routing.runs([0, 1, 2, 5, 6]) == [(0, 3), (5, 2)]


def mix():
    rng = np.random.default_rng(0)
    rocks = [rng.integers(60, 200, (300, 400, 3)).astype(np.uint8) for _ in range(2)]
    animal = np.dstack([np.full((60, 90, 3), 40, np.uint8), np.full((60, 90), 255, np.uint8)])
    photo = Photo(None, "raccoon", "r", ((0.2, 0.2, 0.8, 0.8, 0),))
    person = Photo(None, "coco128", "p", ((0.1, 0.1, 0.3, 0.9, 1),), complete=True)
    weak = Photo(None, "caltech101_animals", "w", weak=True)
    return Mix([Loaded(one, rocks[0]) for one in (photo, person, weak)], Studio([animal], rocks, [], rocks))


def test_a_pasted_animal_has_its_box_and_an_empty_frame_has_none():
    studio, rng = mix().studio, np.random.default_rng(3)
    assert not studio.frame(rng, 0).boxes
    found = [box for _ in range(20) for box in studio.frame(rng, 1).boxes]
    assert len(found) > 10
    assert all(0 <= box[0] < box[2] <= WIDTH and 0 <= box[1] < box[3] <= HEIGHT for box in found)


@pytest.mark.parametrize("kind", [DAY, INFRARED, FLASH])
def test_every_light_gives_a_frame_of_the_camera(kind):
    rng = np.random.default_rng(1)
    frame = shoot(rng, np.full((HEIGHT, WIDTH, 3), 120, np.uint8), [(10, 10, 60, 60, 0)], kind)
    assert frame.shape == (HEIGHT, WIDTH, 3)
    assert frame.dtype == np.uint8


def test_a_box_that_left_the_frame_is_not_an_animal_any_more():
    rng = np.random.default_rng(2)
    frames = [warp(rng, np.zeros((100, 100, 3), np.uint8), (4.0, 4.0), (), ((0, 0, 0.05, 0.05, 0),)) for _ in range(30)]
    assert any(not frame.unsure for frame in frames)
    assert all(not frame.boxes for frame in frames)


def test_batches_are_the_same_for_the_same_seed():
    one, two = (next(iter(Batches(mix(), 5, 3, [(64, 64)]))) for _ in range(2))
    assert (one[0] == two[0]).all()
    assert len(one[1]) == 3


def test_the_cell_in_the_middle_of_a_box_answers_for_it():
    where = loss.cells(SIDE, SIDE)
    boxes = torch.cat([where[:, :2] - 10, where[:, :2] + 10], 1)
    truth = torch.tensor([[22.0, 22.0, 42.0, 42.0, 0.0]])
    cells, which = loss.assign(torch.zeros(len(where), 3), boxes, where, truth)
    assert len(cells)
    assert (which == 0).all()
    assert all(abs(where[cell, :2] - 32).max() < 16 for cell in cells)


def test_a_weak_picture_punishes_no_cell_but_asks_for_an_animal():
    logits, sides = torch.zeros(1, 84, 3, requires_grad=True), torch.zeros(1, 84, 32)
    none = np.zeros((0, 5), np.float32)
    loss.batch_loss(logits, sides, [(none, none, True)], SIDE, SIDE).backward()
    assert (logits.grad[0, :, 0] <= 0).all()


def test_training_again_from_the_same_seed_gives_the_same_network(watched):
    def tuned():
        network = blend(watched, watched, 0.0)
        parts.set_mode(network, parts.OFF)
        plan = Plan(steps=2, batch=2, workers=0, threads=1)
        return fine_tune(network, Batches(mix(), 0, 2, [(64, 64)]), plan, lambda _: None)

    one, two = tuned(), tuned()
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True))
