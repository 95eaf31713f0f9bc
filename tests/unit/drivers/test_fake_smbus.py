import pytest

from tests.unit.drivers.fake_smbus import FakeSMBus, ds3231, ina226


def test_registers_of_two_bytes_and_of_one_lie_where_the_chips_have_them():
    bus = FakeSMBus(at40=ina226(millivolts=7_200), at68=ds3231())
    assert bus.read_i2c_block_data(0x40, 0x02, 2) == [5760 >> 8, 5760 & 0xFF]
    assert bus.read_i2c_block_data(0x68, 0x00, 7)[2] == 0x23


def test_what_is_written_is_read_back_unless_the_chip_lies():
    bus = FakeSMBus(at40=ina226())
    bus.write_i2c_block_data(0x40, 0, [0x45, 0x27])
    assert bus.read_i2c_block_data(0x40, 0, 2) == [0x45, 0x27]
    bus.chips[0x40].read_only = True
    bus.write_i2c_block_data(0x40, 0, [0, 0])
    assert bus.read_i2c_block_data(0x40, 0, 2) == [0x45, 0x27]


def test_absent_chip_gives_the_kernels_error():
    with pytest.raises(OSError, match="Remote I/O"):
        FakeSMBus().read_i2c_block_data(0x40, 0, 2)
