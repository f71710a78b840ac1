// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// @title A token for local chains
/// @notice Stands in for a quote token such as USDC on a chain that has none. Its deployer makes as much of it as anyone
/// needs; it must never be deployed where its units are worth something.
contract LocalToken is ERC20 {
    /// @notice The only one who may mint.
    address public immutable MINTER;

    uint8 private immutable DECIMALS;

    /// @notice Somebody other than the deployer tried to mint.
    error LocalToken_NotMinter(address caller);

    constructor(string memory name_, string memory symbol_, uint8 decimals_) ERC20(name_, symbol_) {
        MINTER = msg.sender;
        DECIMALS = decimals_;
    }

    /// @notice Makes `amount` of the token's own units for `to`.
    function mint(address to, uint256 amount) external {
        require(msg.sender == MINTER, LocalToken_NotMinter(msg.sender));
        _mint(to, amount);
    }

    /// @inheritdoc ERC20
    function decimals() public view override returns (uint8) {
        return DECIMALS;
    }
}
