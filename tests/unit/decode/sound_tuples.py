"""A sound tuple of each layout."""

from flowlog_core.decode.formats import LAYOUTS

NSG_1, NSG_2, VNET_4 = LAYOUTS
SOUND = {
    NSG_1: "1663146003,10.0.0.4,10.0.0.5,1024,443,T,O,A",
    NSG_2: "1663146003,10.0.0.4,10.0.0.5,1024,443,T,O,A,E,9,1599,12,11178",
    VNET_4: "1663146003599,10.0.0.4,10.0.0.5,1024,443,6,O,E,NX,9,1599,12,11178",
}
